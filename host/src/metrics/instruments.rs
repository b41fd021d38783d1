//! Every instrument with its name, unit and help: the one place where they are declared.
//!
//! The table in `docs/operating.md` says the same for operators; a test compares the two.
//! Names are those of Prometheus, and OTLP carries the same ones.

use super::process;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

/// From a fast answer on the same machine to the longest total time-out.
const REQUESTS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// A page is a few requests and a commit.
const PAGES: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// From one small row to a large page on a slow disk.
const COMMITS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Up to an hour behind: past that it is a matter of days.
const LATE: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0];
/// A tick over 10,000 channels is to take 50 ms.
const TICKS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

pub(super) struct Instruments {
    pub(super) runs: Counter<u64>,
    pub(super) run_failures: Counter<u64>,
    pub(super) runs_running: UpDownCounter<i64>,
    pub(super) records: Counter<u64>,
    pub(super) quarantined_records: Counter<u64>,
    pub(super) pages: Counter<u64>,
    pub(super) page_seconds: Histogram<f64>,
    pub(super) requests: Counter<u64>,
    pub(super) request_seconds: Histogram<f64>,
    pub(super) request_retries: Counter<u64>,
    pub(super) breaker_state: Gauge<u64>,
    pub(super) breaker_transitions: Counter<u64>,
    pub(super) throttle_wait: Counter<f64>,
    pub(super) guest_cpu: Counter<f64>,
    pub(super) guest_memory_peak: Gauge<u64>,
    pub(super) traps: Counter<u64>,
    pub(super) plugins_quarantined: Gauge<u64>,
    pub(super) queue_depth: Gauge<u64>,
    pub(super) queue_oldest_age: Gauge<f64>,
    pub(super) leases_lost: Counter<u64>,
    pub(super) schedule_late: Histogram<f64>,
    pub(super) schedule_tick: Histogram<f64>,
    pub(super) store_commits: Counter<u64>,
    pub(super) store_commit_seconds: Histogram<f64>,
    pub(super) spans_dropped: Counter<u64>,
    pub(super) webhook_deliveries: Counter<u64>,
    pub(super) webhook_seconds: Histogram<f64>,
    pub(super) notices: Counter<u64>,
    pub(super) route_records: Counter<u64>,
    pub(super) exports: Counter<u64>,
    pub(super) conflicts: Counter<u64>,
    pub(super) outbox_changes: Gauge<u64>,
}

impl Instruments {
    pub(super) fn of(meter: &Meter) -> Self {
        let new = Declare(meter);
        new.process();
        Self {
            exports: new.counter(
                "tidegate_exports_total",
                "{change}",
                "Local changes that were sent, by what the remote system answered.",
            ),
            conflicts: new.counter(
                "tidegate_conflicts_total",
                "{conflict}",
                "Records that both sides had changed, to different ends.",
            ),
            outbox_changes: new.gauge(
                "tidegate_outbox_changes",
                "{change}",
                "Local changes that wait to be exported, of all channels.",
            ),
            runs: new.counter("tidegate_runs_total", "{run}", "Runs by the status that they came to."),
            run_failures: new.counter(
                "tidegate_run_failures_total",
                "{run}",
                "Runs that came to an error, by its class.",
            ),
            runs_running: new.level("tidegate_runs_running", "{run}", "Runs that are going on."),
            records: new.counter(
                "tidegate_records_total",
                "{record}",
                "Records by what became of them, with the commit of their page.",
            ),
            quarantined_records: new.counter(
                "tidegate_quarantined_records_total",
                "{record}",
                "Entries that quarantine got; one that fails again is not counted again.",
            ),
            pages: new.counter("tidegate_pages_total", "{page}", "Pages that were committed."),
            page_seconds: new.histogram(
                "tidegate_page_seconds",
                &PAGES,
                "Time that a page took, from the commit before it to its own.",
            ),
            requests: new.counter(
                "tidegate_requests_total",
                "{request}",
                "Requests to remote systems by HTTP status or failure code; retries and redirects count.",
            ),
            request_seconds: new.histogram(
                "tidegate_request_seconds",
                &REQUESTS,
                "Time from sending a request to the head of its answer, or to its failure.",
            ),
            request_retries: new.counter(
                "tidegate_request_retries_total",
                "{request}",
                "Requests that were sent again after a failure.",
            ),
            breaker_state: new.gauge(
                "tidegate_breaker_state",
                "",
                "Circuit of an origin: 0 closed, 1 half-open, 2 open.",
            ),
            breaker_transitions: new.counter(
                "tidegate_breaker_transitions_total",
                "",
                "Changes of a circuit, by the state that it came to.",
            ),
            throttle_wait: new.seconds(
                "tidegate_throttle_wait_seconds_total",
                "Time that requests waited for their turn under a rate limit.",
            ),
            guest_cpu: new.seconds(
                "tidegate_guest_cpu_seconds_total",
                "CPU time of a plugin's steps, in ticks of 10 ms.",
            ),
            guest_memory_peak: new.gauge(
                "tidegate_guest_memory_peak_bytes",
                "By",
                "The most memory that one step of a plugin held since the plugin was loaded.",
            ),
            traps: new.counter("tidegate_traps_total", "", "Steps that ended in a trap."),
            plugins_quarantined: new.gauge(
                "tidegate_plugins_quarantined",
                "",
                "Versions of a plugin that are in quarantine.",
            ),
            queue_depth: new.gauge("tidegate_queue_depth", "{job}", "Jobs by state."),
            queue_oldest_age: new.age(
                "tidegate_queue_oldest_age_seconds",
                "Age of the oldest job that waits for its turn; 0 where none waits.",
            ),
            leases_lost: new.zeroed("tidegate_leases_lost_total", "Leases that a worker found taken over."),
            schedule_late: new.histogram(
                "tidegate_schedule_late_seconds",
                &LATE,
                "Delay from the time at which a run was due to its start.",
            ),
            schedule_tick: new.histogram(
                "tidegate_schedule_tick_seconds",
                &TICKS,
                "Time that one look over all schedules took.",
            ),
            store_commits: new.counter(
                "tidegate_store_commits_total",
                "",
                "Batches by what became of them: landed, conflict or failed.",
            ),
            store_commit_seconds: new.histogram(
                "tidegate_store_commit_seconds",
                &COMMITS,
                "Time that a batch took to be durable, its wait for others included.",
            ),
            spans_dropped: new.zeroed(
                "tidegate_spans_dropped_total",
                "Trace spans that were thrown away because the collector did not take them.",
            ),
            webhook_deliveries: new.counter(
                "tidegate_webhook_deliveries_total",
                "{delivery}",
                "Deliveries to webhooks by what became of them.",
            ),
            webhook_seconds: new.histogram(
                "tidegate_webhook_seconds",
                &REQUESTS,
                "Time from the last byte of a delivery to its answer.",
            ),
            notices: new.counter(
                "tidegate_notices_total",
                "{message}",
                "Notices of changes by what became of them.",
            ),
            route_records: new.counter(
                "tidegate_route_records_total",
                "{record}",
                "Records that routes looked at by what became of them.",
            ),
        }
    }
}

struct Declare<'a>(&'a Meter);

impl Declare<'_> {
    fn counter(&self, name: &'static str, unit: &'static str, help: &'static str) -> Counter<u64> {
        self.0.u64_counter(name).with_unit(unit).with_description(help).build()
    }

    /// A counter without labels, shown before it first moves: alerts want to see it rise.
    fn zeroed(&self, name: &'static str, help: &'static str) -> Counter<u64> {
        let counter = self.counter(name, "", help);
        counter.add(0, &[]);
        counter
    }

    fn seconds(&self, name: &'static str, help: &'static str) -> Counter<f64> {
        self.0.f64_counter(name).with_unit("s").with_description(help).build()
    }

    fn level(&self, name: &'static str, unit: &'static str, help: &'static str) -> UpDownCounter<i64> {
        let level = self.0.i64_up_down_counter(name).with_unit(unit).with_description(help).build();
        level.add(0, &[]);
        level
    }

    fn gauge(&self, name: &'static str, unit: &'static str, help: &'static str) -> Gauge<u64> {
        self.0.u64_gauge(name).with_unit(unit).with_description(help).build()
    }

    fn age(&self, name: &'static str, help: &'static str) -> Gauge<f64> {
        self.0.f64_gauge(name).with_unit("s").with_description(help).build()
    }

    fn histogram(&self, name: &'static str, bounds: &[f64], help: &'static str) -> Histogram<f64> {
        let histogram = self.0.f64_histogram(name).with_unit("s").with_description(help);
        histogram.with_boundaries(bounds.to_vec()).build()
    }

    /// What is looked up when somebody asks. The names without `tidegate_` are those that
    /// Prometheus' own clients use, and ready-made dashboards expect.
    fn process(&self) {
        let started = process::started();
        self.observed(
            "process_start_time_seconds",
            "s",
            "When the process started, in seconds since 1970.",
            move || Some(started),
        );
        self.observed(
            "process_resident_memory_bytes",
            "By",
            "Memory that the process holds.",
            process::resident_bytes,
        );
        self.observed(
            "process_open_fds",
            "",
            "Files and sockets that the process holds open.",
            process::open_files,
        );
        let version = [KeyValue::new("version", env!("CARGO_PKG_VERSION"))];
        let build = self
            .0
            .u64_observable_gauge("tidegate_build_info")
            .with_description("Always 1, with the version as a label.");
        build.with_callback(move |observer| observer.observe(1, &version)).build();
    }

    fn observed(
        &self,
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        look: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) {
        let gauge = self.0.u64_observable_gauge(name).with_unit(unit).with_description(help);
        gauge
            .with_callback(move |observer| {
                if let Some(value) = look() {
                    observer.observe(value, &[]);
                }
            })
            .build();
    }
}
