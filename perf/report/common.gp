# common.gp -- how the plots of perf/compare look: gnuplot -e "data=...; picture=..." X.gp
#
# data: tab-separated, one line for each group of bars, its name first; the first line names the
# columns. A missing figure is a question mark.
set terminal pngcairo size 1200,640 font "Sans,13" background "#ffffff"
set output picture
set datafile separator "\t"
set datafile missing "?"
set encoding utf8
set border 3 linecolor "#888888"
set tics nomirror textcolor "#333333"
set xtics scale 0
set grid ytics linetype 1 linecolor "#e0e0e0" linewidth 1 dashtype 1
set style fill solid 1.0 noborder
set logscale y
set format y "%.0f"
set key inside top center horizontal maxrows 1 samplen 1.2 width -1
set lmargin 11
set bmargin 4
# Uproar stands out; the others are told apart.
array colour[7] = ["#c0392b", "#2c6fbb", "#2a9d8f", "#8e6bbf", "#b08d57", "#6b7a8f", "#7fb3d5"]
# As many digits as fit above a bar.
short(x) = x < 1000 ? sprintf("%.3g", x) : x < 1e4 ? sprintf("%.2gk", x / 1e3) : sprintf("%.3gk", x / 1e3)

columns = int(system("head -n 1 '" . data . "' | tr '\\t' '\\n' | wc -l")) - 1
title_of(i) = system("head -n 1 '" . data . "' | cut -f " . i)
groups = int(system("wc -l <'" . data . "'")) - 1
# The bars of a group stand around its number; between groups is the room of a bar and a half.
width = 1.0 / (columns + 1.5)
place(i) = (i - 2 - (columns - 1) / 2.0) * width
set boxwidth width * 0.92 absolute
set xrange [-0.55:groups - 0.45]
# From below the least bar to where there is room for the key.
least = 1e30
most = 1e-30
do for [i = 2:columns + 1] {
    stats data using i skip 1 nooutput
    if (STATS_records > 0) { least = STATS_min < least ? STATS_min : least; most = STATS_max > most ? STATS_max : most }
}
set yrange [least / 3.0:most * 6.0]
