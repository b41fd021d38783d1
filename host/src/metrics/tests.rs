//! What a scrape shows. Every test has labels of its own, since the process has one meter.

use super::*;
use crate::model::{Class, Counters, Failure, Name, Status, Usage};
use std::{collections::BTreeSet, time::Duration};

fn named(name: &str) -> Name {
    Name::try_new(name).expect("a name")
}

/// The lines that mention `label`.
fn lines_with(label: &str) -> Vec<String> {
    exposition().lines().filter(|line| line.contains(label)).map(str::to_owned).collect()
}

#[test]
fn a_run_shows_its_pages_its_records_and_its_end() {
    let (channel_type, connector) = (named("scripted"), named("m-ticket"));
    let counters = Counters { read: 7, added: 4, unchanged: 2, quarantined: 1, ..Counters::default() };
    let first = Page {
        channel_type: &channel_type,
        connector: &connector,
        counters: &counters,
        newly_quarantined: 1,
        took: Duration::from_millis(30),
    };
    page(&first);
    page(&Page { newly_quarantined: 0, took: Duration::from_millis(700), ..first });
    run_ended(&channel_type, &connector, Status::CompletedWithWarnings, None);
    run_ended(&channel_type, &connector, Status::Failed, Some(Class::Auth));
    let stream = r#"channel_type="scripted",connector="m-ticket""#;
    let shown = lines_with("m-ticket");
    let buckets: Vec<_> = shown.iter().filter(|line| line.contains("_bucket")).cloned().collect();
    assert_eq!(buckets.len(), 12, "{buckets:#?}");
    assert!(buckets.contains(&format!(r#"tidegate_page_seconds_bucket{{{stream},le="0.025"}} 0"#)));
    assert!(buckets.contains(&format!(r#"tidegate_page_seconds_bucket{{{stream},le="0.05"}} 1"#)));
    assert!(buckets.contains(&format!(r#"tidegate_page_seconds_bucket{{{stream},le="+Inf"}} 2"#)));
    let others: Vec<_> = shown.iter().filter(|line| !line.contains("_bucket")).cloned().collect();
    assert_eq!(
        others,
        [
            format!("tidegate_page_seconds_sum{{{stream}}} 0.73"),
            format!("tidegate_page_seconds_count{{{stream}}} 2"),
            format!("tidegate_pages_total{{{stream}}} 2"),
            format!("tidegate_quarantined_records_total{{{stream}}} 1"),
            format!(r#"tidegate_records_total{{{stream},outcome="added"}} 8"#),
            format!(r#"tidegate_records_total{{{stream},outcome="quarantined"}} 2"#),
            format!(r#"tidegate_records_total{{{stream},outcome="unchanged"}} 4"#),
            r#"tidegate_run_failures_total{channel_type="scripted",class="auth",connector="m-ticket"} 1"#
                .to_owned(),
            format!(r#"tidegate_runs_total{{{stream},status="completed-with-warnings"}} 1"#),
            format!(r#"tidegate_runs_total{{{stream},status="failed"}} 1"#),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn requests_count_by_status_by_code_and_when_they_are_cut_off() {
    let begin = || Exchange::begin("https://r.example".to_owned());
    begin().answered(200);
    begin().answered(200);
    begin().answered(599);
    begin().failed("net.dns");
    let cut = begin();
    tokio::time::advance(Duration::from_secs(3)).await;
    drop(cut);
    retry("https://r.example");
    throttle_wait("https://r.example", Duration::from_millis(1_500));
    let shown = lines_with("https://r.example");
    let has = |line: &str| assert!(shown.iter().any(|shown| shown == line), "{line} in {shown:#?}");
    has(r#"tidegate_requests_total{origin="https://r.example",status="200"} 2"#);
    has(r#"tidegate_requests_total{origin="https://r.example",status="other"} 1"#);
    has(r#"tidegate_requests_total{origin="https://r.example",status="net.dns"} 1"#);
    has(r#"tidegate_requests_total{origin="https://r.example",status="cut-off"} 1"#);
    has(r#"tidegate_request_seconds_bucket{origin="https://r.example",le="2.5"} 4"#);
    has(r#"tidegate_request_seconds_bucket{origin="https://r.example",le="10"} 5"#);
    has(r#"tidegate_request_retries_total{origin="https://r.example"} 1"#);
    has(r#"tidegate_throttle_wait_seconds_total{origin="https://r.example"} 1.5"#);
}

#[test]
fn a_circuit_shows_where_it_stands_and_how_often_it_changed() {
    breaker_state("https://circuit.example", Circuit::Open);
    breaker_moved("https://circuit.example", Circuit::HalfOpen);
    breaker_moved("https://circuit.example", Circuit::Open);
    assert_eq!(
        lines_with("https://circuit.example"),
        [
            r#"tidegate_breaker_state{origin="https://circuit.example"} 2"#,
            r#"tidegate_breaker_transitions_total{origin="https://circuit.example",state="half-open"} 1"#,
            r#"tidegate_breaker_transitions_total{origin="https://circuit.example",state="open"} 1"#,
        ]
    );
}

#[test]
fn a_plugin_shows_its_time_its_peak_and_its_traps() {
    let guest = Guest::new("m-plugin");
    let usage = |cpu_ticks, peak_memory| Usage { cpu_ticks, peak_memory, ..Usage::default() };
    guest.step(&usage(25, 4_096), None);
    guest.step(&usage(0, 1_024), Some(&Failure::new(Class::Internal, "trap.memory", "it broke")));
    guest.step(&usage(0, 0), None);
    plugin_quarantined("m-plugin", 1);
    assert_eq!(
        lines_with("m-plugin"),
        [
            r#"tidegate_guest_cpu_seconds_total{plugin="m-plugin"} 0.25"#,
            r#"tidegate_guest_memory_peak_bytes{plugin="m-plugin"} 4096"#,
            r#"tidegate_plugins_quarantined{plugin="m-plugin"} 1"#,
            r#"tidegate_traps_total{plugin="m-plugin"} 1"#,
        ]
    );
}

#[test]
fn every_family_says_once_what_it_is() {
    queue(&[(Status::Queued, 3)], Duration::from_secs(9));
    let text = exposition();
    for line in [
        "# TYPE tidegate_queue_depth gauge",
        "tidegate_queue_depth{state=\"queued\"} 3",
        "tidegate_queue_oldest_age_seconds 9",
        "# TYPE tidegate_leases_lost_total counter",
        "# TYPE tidegate_runs_running gauge",
        &format!("tidegate_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
    let types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
    assert!(types.is_sorted());
    if cfg!(target_os = "linux") {
        assert!(text.contains("\nprocess_open_fds ") && text.contains("\nprocess_resident_memory_bytes "));
    }
}

#[test]
fn label_values_are_escaped() {
    breaker_state("odd\"\\\n", Circuit::Closed);
    assert_eq!(lines_with("odd"), [r#"tidegate_breaker_state{origin="odd\"\\\n"} 0"#]);
}

#[test]
fn a_running_run_is_counted_while_it_lives() {
    let running = || -> i64 {
        let text = exposition();
        let line = text.lines().find_map(|line| line.strip_prefix("tidegate_runs_running "));
        line.expect("shown from the start").parse().expect("a number")
    };
    // Other tests have runs of their own, so only a bound can be told.
    let several: Vec<_> = (0..1_000).map(|_| Running::begin()).collect();
    assert!(running() >= 1_000);
    drop(several);
    assert!(running() < 1_000);
}
