# flame.awk -- draws folded stacks (fold.awk, sorted) as a flame graph in SVG.
#
# Variables: title, subtitle. Width is the share of samples, the callers are below, and order from left to
# right means nothing. Debian has no package that draws these, perf's own report wants a template from the
# net, and the drawing is some lines of arithmetic: hence ours. The idea is Brendan Gregg's,
# https://www.brendangregg.com/flamegraphs.html
function escape(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    gsub(/"/, "\\&quot;", text)
    return text
}
function cut(text, most) {
    return length(text) <= most ? text : substr(text, 1, most - 1) "…"
}
# Shades within one family, steady for each name.
function shade(frame,    sum, i, name) {
    name = substr(frame, 2)
    for (i = 1; i <= length(name); i++)
        sum = (sum * 31 + index(letters, substr(name, i, 1))) % 997
    sum = sum % 40
    if (frame ~ /^k/)
        return sprintf("rgb(%d,%d,%d)", 225 + sum / 2, 125 + sum, 85 + sum)
    if (frame ~ /^u/)
        return sprintf("rgb(%d,%d,%d)", 105 + sum, 180 + sum, 105 + sum)
    if (frame ~ /^l/)
        return sprintf("rgb(%d,%d,%d)", 235 + sum / 4, 200 + sum, 95 + sum)
    return "rgb(190,195,205)"
}
function close_frames(from,    i) {
    for (i = open_depth; i >= from; i--)
        if (now > begun[i]) {
            boxes++
            box_at[boxes] = begun[i]
            box_to[boxes] = now
            box_depth[boxes] = i
            box_name[boxes] = open[i]
            if (i > deepest && now - begun[i] > 0)
                deepest = i
        }
    open_depth = from - 1
}
BEGIN {
    letters = "abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.[]:"
    width = 1200
    row = 17
    pad = 12
    FS = "\001"
}
{
    n = $0
    sub(/.* /, "", n)
    line = $0
    sub(/ [0-9]+$/, "", line)
    depth = split(line, frames, "\001")
    frames[1] = "t" frames[1]
    for (same = 1; same <= depth && same <= open_depth && frames[same] == open[same]; same++)
        continue
    close_frames(same)
    for (i = same; i <= depth; i++) {
        open[i] = frames[i]
        begun[i] = now
    }
    open_depth = depth
    now += n
}
END {
    close_frames(1)
    if (now == 0)
        exit 1
    top = 74
    height = top + (deepest + 1) * row + 30
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"", width, height
    printf " viewBox=\"0 0 %d %d\" font-family=\"Verdana,DejaVu Sans,sans-serif\"", width, height
    printf " font-size=\"11\">\n"
    printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
    printf "<text x=\"%d\" y=\"26\" font-size=\"17\" font-weight=\"bold\">%s</text>\n", pad, escape(title)
    printf "<text x=\"%d\" y=\"44\" fill=\"#444\">%s</text>\n", pad, escape(subtitle)
    legend_x = pad
    split("t:thread u:uproard l:library k:kernel", legend, " ")
    for (i = 1; i <= 4; i++) {
        split(legend[i], part, ":")
        printf "<rect x=\"%d\" y=\"53\" width=\"13\" height=\"13\" rx=\"2\"", legend_x
        printf " fill=\"%s\"/>", shade(part[1] "x")
        printf "<text x=\"%d\" y=\"64\">%s</text>\n", legend_x + 18, part[2]
        legend_x += 90
    }
    base = height - 24
    scale = (width - 2 * pad) / now
    for (b = boxes; b >= 1; b--) {
        w = (box_to[b] - box_at[b]) * scale
        if (w < 0.4)
            continue
        x = pad + box_at[b] * scale
        y = base - box_depth[b] * row
        name = substr(box_name[b], 2)
        share = 100 * (box_to[b] - box_at[b]) / now
        printf "<g><title>%s, %.2f %% (%d samples)</title>", escape(name), share, box_to[b] - box_at[b]
        printf "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"", x, y, w, row - 1
        printf " fill=\"%s\" stroke=\"#fff\" stroke-width=\"0.5\"/>", shade(box_name[b])
        fits = int((w - 6) / 6.6)
        if (fits >= 3)
            printf "<text x=\"%.1f\" y=\"%d\">%s</text>", x + 3, y + 12, escape(cut(name, fits))
        print "</g>"
    }
    printf "<text x=\"%d\" y=\"%d\" fill=\"#444\">%d samples; ", pad, height - 8, now
    print "width: share of samples; callers below; hover for figures</text>"
    print "</svg>"
}
