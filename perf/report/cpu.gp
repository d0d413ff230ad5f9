# cpu.gp -- server CPU for a delivery: a group of bars for each load, a bar for each server.
load "perf/report/common.gp"
set title "Server CPU for each delivery of 64 bytes: less is better" font "Sans,15"
set ylabel "nanoseconds, logarithmic"
plot data using 0:(NaN):xtic(1) skip 1 with boxes notitle, \
    for [i = 2:columns + 1] data using ($0 + place(i)):(column(i)) skip 1 with boxes \
        linecolor rgb colour[i - 1] title title_of(i), \
    for [i = 2:columns + 1] data using ($0 + place(i)):(column(i)):(short(column(i))) skip 1 \
        with labels offset 0,0.6 font "Sans,10" textcolor "#333333" notitle
