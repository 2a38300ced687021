"""What each metric tells, in the words of `/metrics`; every name has its line here."""

from collections.abc import Iterable

MEANINGS = {
    "process_cpu_seconds_total": "CPU of the server's process, its own and the system's for it.",
    "process_max_fds": "File descriptors that the process may have open.",
    "process_open_fds": "File descriptors that the process has open.",
    "process_resident_memory_bytes": "Memory of the process that is resident.",
    "process_start_time_seconds": "When the process was started, since 1970.",
    "process_threads": "Threads of the process.",
    "process_virtual_memory_bytes": "Addresses that the process has taken.",
    "socialfeed_answered_at_once_total": "Requests answered from memory as they came.",
    "socialfeed_answers_total": "Answers, by method, route and status.",
    "socialfeed_box_cpu_seconds_total": "CPU of the event loop's thread at work for a box.",
    "socialfeed_box_duration_seconds": (
        "Duration of a visit to a box. The gateway's is a call of /v1, without its wait in the"
        " line; the message queue's may be a look for events that finds none."
    ),
    "socialfeed_box_errors_total": "Visits to a box that failed through no fault of the request.",
    "socialfeed_cache_bytes": "What a cache holds, by estimate; of SQLite exactly.",
    "socialfeed_cache_hits_total": "Looks into a cache that found what they looked for.",
    "socialfeed_cache_misses_total": "Looks into a cache that did not.",
    "socialfeed_cdn_cached_bytes": "Bytes of media in the CDN's cache.",
    "socialfeed_cdn_cached_slices": "Slices of media in the CDN's cache.",
    "socialfeed_cdn_capacity_bytes": "Bytes of media that the CDN's cache may hold.",
    "socialfeed_cdn_evictions_total": "Slices that left the CDN's cache to make room.",
    "socialfeed_cdn_fetched_bytes_total": "Bytes that the CDN fetched from the object storage.",
    "socialfeed_cdn_sent_bytes_total": "Bytes that the CDN sent to clients.",
    "socialfeed_commit_cpu_seconds_total": "CPU of the threads that commit.",
    "socialfeed_commit_jobs_total": "Writes that shared the group commits.",
    "socialfeed_connections": "Connections that are open.",
    "socialfeed_connections_refused_total": "Connections refused, because too many were open.",
    "socialfeed_dead_letters": "Events that are given up, and wait for somebody to look at them.",
    "socialfeed_dead_letters_total": "Events given up since the start.",
    "socialfeed_event_retries_total": "Events that failed, and were put off to be tried again.",
    "socialfeed_freshness_seconds": (
        "Age of an event when its effects were done: from the confirmation to the last feed."
    ),
    "socialfeed_line_wait_seconds": "Wait in the line of a request that is not begun at once.",
    "socialfeed_log_lines_dropped_total": "Lines of logs that could not be written.",
    "socialfeed_loop_lag_seconds": "How late a timer of the event loop was at most, in 15 s.",
    "socialfeed_queue_age_seconds": "Age of the oldest event of a queue.",
    "socialfeed_queue_depth": "Events that wait in a queue.",
    "socialfeed_requests_in_progress": "Requests that are begun, and not answered.",
    "socialfeed_requests_refused_total": "Requests refused early, because too many waited.",
    "socialfeed_requests_waiting": "Requests that wait for their turn.",
    "socialfeed_slow_clients_total": "Connections cut off, because the client was too slow.",
    "socialfeed_streams": "Streams of notifications that are open.",
    "socialfeed_uploads": "Uploads that are on their way.",
    "socialfeed_waiting_writes": "Writes that wait for a group commit.",
}


def introduced(name: str, kind: str) -> Iterable[str]:
    """Return the lines that go before a metric's values."""
    return (f"# HELP {name} {MEANINGS[name]}", f"# TYPE {name} {kind}")
