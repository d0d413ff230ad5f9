# page.jq -- all runs of a perf/compare to a page of Markdown, or to the data of a plot.
#
# In: the runs (-s), --slurpfile settings, --arg part markdown|cpu|idle|stall, --arg plots those that there are.
# A figure is the median over the runs that count; the spread is from the least to the largest.

def median: sort | length as $n | if $n == 0 then null elif $n % 2 == 1 then .[($n - 1) / 2]
    else (.[$n / 2 - 1] + .[$n / 2]) / 2 end;

def thousands: tostring | if length > 3 then (.[:-3] | thousands) + "," + .[-3:] else . end;
# Three digits are as many as a measurement has.
def digits: if . == null then "–" elif . < 0 then "-" + (-. | digits)
    elif . < 9.995 then (. * 100 | round / 100 | tostring)
    elif . < 99.95 then (. * 10 | round / 10 | tostring)
    else (. | log10 | floor) as $e | pow(10; $e - 2) as $step |
        (. / $step | round * $step | round | thousands) end;
def times: if . == null then "–" else digits + "×" end;
def spread: if length == 0 then "–" elif length == 1 then (.[0] | digits)
    else "\(median | digits) (\(min | digits)–\(max | digits))" end;

$settings[0] as $s |
. as $runs |
def all_of($load; $peer): $runs | map(select(.load == $load and .peer == $peer));
def counted($load; $peer): all_of($load; $peer) | map(select(.void == null));
def figures($load; $peer): counted($load; $peer) | map(.figure);
def column($load; $peer; f): counted($load; $peer) | map(f | values);
def ratio($load; $peer): (figures($load; $peer) | median) as $mine |
    (figures($load; "uproar") | median) as $ours |
    if $mine == null or $ours == null then null else $mine / $ours end;

def row: "| " + join(" | ") + " |";
def rule: "|" + (map("---") | join("|")) + "|";
def table: (.[0] | row), (.[0] | rule), (.[1:][] | row);

def summary:
    [["", ($s.loads[] | .title)],
     ["", ($s.loads[] | "*\(.figure), \(.unit)*")],
     ($s.peers[] | . as $p | [(if .id == "uproar" then "**\(.title)**" else .title end),
         ($s.loads[] | . as $l | if $p.id == "uproar"
            then "**\(figures($l.id; "uproar") | median | digits)**"
            elif all_of($l.id; $p.id) == [] then ""
            elif figures($l.id; $p.id) == [] then "void"
            else ratio($l.id; $p.id) | times end)])] | table;

# What stands beside the figure in the table of a load.
def cpu_share: .result | select(.server_cpu_ns_per_delivery and .deliveries_per_s) |
    (.server_cpu_ns_per_delivery * .deliveries_per_s / 1e7 / ($s.server_cpu_count // 1));
def cells($load; $peer):
    def of(f): column($load; $peer; f) | median | digits;
    def latency(f): of(.result | select(.valid != false) | f);
    if $load == "idle" then [of(.result.kernel_tcp_bytes_per_client)]
    elif $load == "stall" then
        [of(.result.p99_without_us), of(.result.p50_with_us), of(.result.p50_without_us),
         of(.result.p99_ratio), of((.rss_peak_bytes // empty) / 1048576),
         ([counted($load; $peer)[] | .result |
            if .told_gap > 0 then "a GAP" elif .told_goaway > 0 then "a GOAWAY" elif .told_cut > 0 then "cut"
            elif .told_whole > 0 then "missed nothing" elif .told_silent > 0 then "nothing"
            elif .told_untrue > 0 then "untruth" else "?" end] | unique | join(", "))]
    elif $load | startswith("fanout") then
        [of(.result.deliveries_per_s / 1e6), of(.result.bytes_per_delivery), of(.result.server_cpu_ns_per_byte),
         of(cpu_share), of((.rss_peak_bytes // empty) / 1048576)]
    elif $load == "calm" then
        [of(.result.latency_us.p90), of(.result.completion_us.p50), of(.result.server_cpu_ns_per_delivery)]
    else
        [of(cpu_share), latency(.latency_us.p50), latency(.latency_us.p99), latency(.completion_us.p50),
         of((.rss_peak_bytes // empty) / 1048576)]
    end;
def cell_titles($load):
    if $load == "idle" then ["kernel TCP, both ends: bytes for a client"]
    elif $load == "stall" then ["p99 without", "p50 with", "p50 without", "p99 with / without",
        "peak RSS, MiB", "the stalled one was told"]
    elif $load | startswith("fanout") then ["million deliveries/s", "bytes for a delivery", "ns for a byte", "of its CPU, %", "peak RSS, MiB"]
    elif $load == "calm" then ["p90", "p50 of the last receiver", "server CPU for a delivery, ns"]
    else ["of its CPU, %", "p50, µs", "p99", "p50 of the last receiver", "peak RSS, MiB"] end;

def details($l):
    [["server", "\($l.figure), \($l.unit)", "× of Uproar", cell_titles($l.id)[], "runs that count"],
     ((($s.peers[]), (if all_of($l.id; "floor") == [] then empty
            else {id: "floor", title: "(the bare kernel: perf/floor)"} end)) |
        .id as $p | select(all_of($l.id; $p) != []) |
        [.title, (figures($l.id; $p) | spread), (if $p == "uproar" then "" else ratio($l.id; $p) | times end),
         (if $p == "floor" then (cell_titles($l.id)[] | "") else cells($l.id; $p)[] end),
         "\(counted($l.id; $p) | length) of \(all_of($l.id; $p) | length)"])] | table;

def markdown:
    ($plots | split(" ") | map(select(. != ""))) as $drawn |
    "# Uproar and other servers, side by side", "",
    "\($s.date), \($s.cpu), \($s.cpus) CPUs, \($s.memory) GiB, kernel \($s.kernel), \($s.system).",
    "Server on CPU \($s.server_cpus), generator on CPU \($s.load_cpus), loopback; rounds: \($s.rounds), of \($s.seconds) s each, interleaved.",
    "Commit \($s.commit). Made by `perf/compare`; the method is in [perf/README.md](../../README.md).", "",
    "## In multiples of Uproar", "",
    "The row of Uproar is the figure itself, the others are how many times as much they need: more than 1 is worse.", "",
    summary, "",
    (if $s.skipped == "" then empty else "Skipped: \($s.skipped).", "" end),
    ({cpu: "Server CPU for a delivery, by load and server, on a logarithmic axis",
      idle: "Memory of an idle client, by server, on a logarithmic axis",
      stall: "Latency of those who read, with and without one who does not"} as $texts |
        $drawn[] | "![\($texts[.])](\(.).png)", ""),
    "## The figures", "",
    "The median, and the least and the largest of the runs that count.", "",
    ($s.loads[] | "### \(.title)", "", "`uproar-load \(.arguments)`", "", details(.), ""),
    (if $s.loads | any(.id | startswith("fanout")) then
        "Saturated means a closed loop: deliveries per second are the generator's limit wherever the server is not",
        "at 100 % of its CPU, and latency is only the length of the queue, so it is not quoted.", "" else empty end),
    ($runs | map(select(.void)) | if length == 0 then "Every run counts.", "" else
        "## Runs that do not count", "",
        ([["round", "load", "server", "why"], (.[] | ["\(.round)", .load, .peer, (.void | gsub("\\|"; "/"))])] | table), "" end),
    "## Settings", "",
    ($s.peers | [["server", "version", "settings"], (.[] | [.title, .version,
        (if .id | startswith("uproar") then "`--workers` = the CPUs that it is given, else the defaults"
         elif .id == "go" then "[perf/peers/go](../../peers/go)"
         else "[perf/peers/\(.id).conf](../../peers/\(.id).conf)" end)])] | table), "",
    "Raw data: [runs.jsonl](runs.jsonl), [settings.json](settings.json);",
    "`perf/compare-report` makes this page of them.";

# The data of a plot, as perf/report/common.gp reads it.
def plot_row: map(if . == null then "?" else tostring end) | join("\t");
def plot_cpu:
    [$s.loads[] | select(.unit == "ns")] as $loads |
    [$s.peers[] | select(.id as $p | any($loads[]; figures(.id; $p) != []))] as $peers |
    ["load", ($peers[] | .title)],
    ($loads[] | .id as $l | select(any($peers[]; figures($l; .id) != [])) |
        [(.title | sub(", "; ",\\n")), ($peers[] | figures($l; .id) | median)]);
def plot_idle:
    ["server", "bytes"],
    ($s.peers[] | (figures("idle"; .id) | median) as $bytes | select($bytes != null) | [.title, $bytes]);
def plot_stall:
    ["server", "all read", "one does not"],
    ($s.peers[] | . as $p | counted("stall"; $p.id) | select(length > 0) | [$p.title,
        (map(.result.p99_without_us) | median / 1000), (map(.result.p99_with_us) | median / 1000)]);

if $part == "markdown" then markdown
else (if $part == "cpu" then plot_cpu elif $part == "idle" then plot_idle else plot_stall end) | plot_row end
