//! Acts that use up what a step has, or end it.

use super::good;
use hostile::sdk::{Error, Page, Request, Transport, log, state};
use std::{hint::black_box, io::Write as _};

/// Does the act; none where it is not one of these.
pub(super) fn act(act: &str, transport: &dyn Transport) -> Option<Result<Page, Error>> {
    match act {
        "behave" => {}
        "loop" => spin(),
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(0),
        "recurse" => {
            deeper(&[0; 64]);
        }
        "allocate" => {
            black_box((0..4096).map(|_| vec![1_u8; 1 << 20]).collect::<Vec<_>>());
        }
        "flood-log" => flood_log(),
        "flood-stdout" => flood_stdout(),
        "flood-random" => flood_random(),
        "flood-state" => return Some(flood_state()),
        "hoard-handles" => hoard_handles(),
        "hoard-bodies" => return Some(hoard_bodies(transport)),
        _ => return None,
    }
    Some(Ok(good()))
}

/// Never comes back.
pub(super) fn spin() -> ! {
    let mut round = 0_u64;
    loop {
        round = black_box(round.wrapping_add(1));
    }
}

fn deeper(above: &[u8; 64]) -> u8 {
    // Never true, which the compiler cannot know.
    if black_box(false) {
        return above[0];
    }
    let mut here = *above;
    here[0] = here[0].wrapping_add(1);
    let below = deeper(black_box(&here));
    below.wrapping_add(black_box(here)[0])
}

fn flood_log() {
    let line = "\u{1b}[2J\u{7}log line\r\n".repeat(1 << 8);
    for _ in 0..10_000 {
        log::warn(&line, &[]);
    }
}

fn flood_stdout() {
    let line = "\u{1b}]0;title\u{7}output line\n".repeat(1 << 8);
    for _ in 0..1_000 {
        // A host that takes no more may say so; the flood goes on.
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}

/// More than the host gives out in one call, after many calls that it does answer.
fn flood_random() {
    #[cfg(target_arch = "wasm32")]
    for length in [1 << 10; 1_000].into_iter().chain([1 << 30]) {
        black_box(wasip2::random::random::get_random_bytes(length));
    }
}

fn flood_state() -> Result<Page, Error> {
    for index in 0..1_000 {
        state::set(&format!("key-{index}"), &[b'x'; 1 << 10])?;
    }
    Ok(good())
}

/// A handle that costs the guest nothing, a hundred thousand times.
fn hoard_handles() {
    #[cfg(target_arch = "wasm32")]
    black_box(
        (0..100_000)
            .map(|_| wasip2::clocks::monotonic_clock::subscribe_duration(1 << 60))
            .collect::<Vec<_>>(),
    );
}

/// Answers that are begun and never read.
fn hoard_bodies(transport: &dyn Transport) -> Result<Page, Error> {
    let bodies = (0..5_000).map(|_| transport.open(Request::get("/body"))).collect::<Result<Vec<_>, _>>()?;
    black_box(bodies);
    Ok(good())
}
