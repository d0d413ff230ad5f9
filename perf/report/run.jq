# run.jq -- one run of perf/compare as an object: what was asked, what came, whether it counts.
#
# `void` is why the run does not count, or null; `figure` is the one that stands for the load.
def wrong($r): [("lost", "duplicated", "reordered", "corrupt") | select(($r[.] // 0) > 0) |
    "\($r[.]) \(.)"] | join(", ");
# Where nobody speaks there is no schedule to keep. In a calm run, whose figure is a median of some
# fifty messages, one that was late would be too many for the generator's own verdict. Where the figure
# is CPU time it may count although no latency does.
def late($r): if $load == "idle" then false
    elif $load == "calm" and ($r | has("late_share")) then $r.late_share > 0.1
    elif $load != "stall" and ($r | has("cost_valid")) then $r.cost_valid == false
    else $r.valid == false end;

(try input catch null) as $r |
(if $r == null then null
 elif $peer == "floor" then $r.cpu_ns_per_send
 elif $load == "idle" then $r.rss_bytes_per_client
 elif $load == "calm" then $r.latency_us.p50
 elif $load == "stall" then $r.p99_with_us
 else $r.server_cpu_ns_per_delivery end) as $figure |
(if $r == null then "no result: \($why)"
 elif late($r) then $r.why_not_valid // $r.why_cost_not_valid // "the generator could not keep its schedule"
 elif wrong($r) != "" then wrong($r)
 elif ($r.disconnected // 0) > 0 then "\($r.disconnected) receivers were cut off"
 # In the stalled run 1 says that a peer told the stalled nothing, and the others are well.
 elif $status != "0" and ($load != "stall" or $status != "1") then "exit status \($status): \($why)"
 elif ($figure // 0) <= 0 then "no figure: \($why)"
 elif $peer != "floor" and $peak == "" then $why
 else null end) as $void |
{round: ($round | tonumber), $load, $peer, $arguments, status: ($status | tonumber), $void, $figure,
    rss_peak_bytes: (if $peak == "" then null else $peak | tonumber end), result: $r}
