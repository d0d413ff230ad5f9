# stall.gp -- p99 of those who read, all of them and beside one who does not: a group for each server.
load "perf/report/common.gp"
set title "Latency of 19 who read, alone and beside one who does not: 4 KiB × 2000/s" font "Sans,15"
set ylabel "p99 in milliseconds, logarithmic"
set format y "%g"
array colour[2] = ["#b8c4d0", "#c0392b"]
plot data using 0:(NaN):xtic(1) skip 1 with boxes notitle, \
    for [i = 2:3] data using ($0 + place(i)):(column(i)) skip 1 with boxes \
        linecolor rgb colour[i - 1] title title_of(i), \
    for [i = 2:3] data using ($0 + place(i)):(column(i)):(short(column(i))) skip 1 \
        with labels offset 0,0.6 font "Sans,11" textcolor "#333333" notitle
