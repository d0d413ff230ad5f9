# idle.gp -- resident memory of the server for each idle client: a bar for each server.
load "perf/report/common.gp"
set title "Server memory (RSS) for each idle client: less is better" font "Sans,15"
set ylabel "bytes, logarithmic"
unset key
set boxwidth 0.6 absolute
plot data using 0:2:($0 == 0 ? 0xc0392b : 0x6b7a8f):xtic(1) skip 1 with boxes linecolor rgb variable, \
    data using 0:2:(short($2)) skip 1 with labels offset 0,0.7 font "Sans,12" textcolor "#333333"
