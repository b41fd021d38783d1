//! `run pages`: a run page by page, and in short what stands out.

use crate::{
    api::view::{List, Page, Run},
    cli::{
        client::{Call, path},
        exit::Exit,
        session::{Context, Session},
        table::{Table, pairs},
        text::{bytes, count, counted, duration, time},
    },
};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// The run
    id: String,
    /// How many at most, up to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u16,
    /// Those after this page
    #[arg(long, value_name = "PAGE")]
    after: Option<u64>,
}

pub(super) async fn run(ctx: &Context<'_>, session: &Session, pages: Pages) -> anyhow::Result<Exit> {
    let document = session.ask(call(&pages.id, pages.after, pages.limit)).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let list: List<Page> = document.read()?;
    if list.items.is_empty() {
        ctx.out.note("no page of it was committed");
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&list.items))?;
    if let Some(next) = list.next {
        ctx.out.note(format!("more: --after {next}"));
    }
    Ok(Exit::Done)
}

fn call(id: &str, after: Option<u64>, limit: u16) -> Call {
    Call::get(path(&["runs", id, "pages"]))
        .with("after", after.map(|page| page.to_string()).as_deref())
        .with("limit", Some(&limit.to_string()))
}

fn table(pages: &[Page]) -> Table {
    let mut table = Table::new([
        ">PAGE",
        "AT",
        ">TOOK",
        ">READ",
        ">ADDED",
        ">UPDATED",
        ">UNCHANGED",
        ">DELETED",
        ">QUARANTINED",
        ">REQUESTS",
        ">BYTES",
    ]);
    for Page(page) in pages {
        let [read, added, updated, unchanged, deleted, quarantined] = counted(&page.counters);
        table.row([
            count(page.page),
            time(page.at),
            duration(page.took_ms),
            read,
            added,
            updated,
            unchanged,
            deleted,
            quarantined,
            count(page.requests),
            bytes(page.bytes),
        ]);
    }
    table
}

/// Pages that are looked at for what stands out: the first ones of a run that has more.
const MOST: usize = 10_000;
const PART: u16 = 1_000;
/// Slow pages that are named.
const SLOWEST: usize = 3;

/// The first pages of a run.
pub(super) async fn first(session: &Session, run: &Run) -> anyhow::Result<Vec<Page>> {
    let (mut pages, mut after) = (Vec::new(), None);
    while pages.len() < MOST {
        let part: List<Page> = session.ask(call(&run.id.to_string(), after, PART)).await?.read()?;
        pages.extend(part.items);
        after = pages.last().map(|Page(page)| page.page);
        if part.next.is_none() {
            break;
        }
    }
    Ok(pages)
}

/// Pages a minute, and which took longest; nothing where there is no page.
pub(super) fn timeline(pages: &[Page]) -> Option<String> {
    let took: u64 = pages.iter().map(|Page(page)| page.took_ms).sum();
    let mut sorted: Vec<_> = pages.iter().map(|Page(page)| page).collect();
    sorted.sort_by_key(|page| std::cmp::Reverse(page.took_ms));
    let middle = sorted.get(sorted.len() / 2)?.took_ms;
    let mut lines = vec![("a page takes", format!("{} (the median)", duration(middle)))];
    if let Some(tenths) = (pages.len() as u64 * 600_000).checked_div(took) {
        lines.push(("pages a minute", format!("{}.{}", count(tenths / 10), tenths % 10)));
    }
    lines.extend(sorted.iter().take(SLOWEST).enumerate().map(|(at, page)| {
        let read = count(page.counters.read);
        let text = format!(
            "page {}: {}, {read} read, {} requests, {}",
            count(page.page),
            duration(page.took_ms),
            count(page.requests),
            bytes(page.bytes)
        );
        (if at == 0 { "slowest" } else { "" }, text)
    }));
    if pages.len() >= MOST {
        lines.push(("", format!("of the first {} pages", count(pages.len() as u64))));
    }
    Some(pairs(&lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Counters, RunPage, Timestamp};

    fn pages() -> Vec<Page> {
        let page = |(page, took_ms): (u64, u64)| {
            Page(RunPage {
                page,
                at: Timestamp::from_millis(1_767_225_600_000 + i64::try_from(page * 1_000).expect("small")),
                took_ms,
                counters: Counters { read: 1_000, added: 990, updated: 10, ..Counters::default() },
                requests: 2,
                bytes: 700_000,
                cursor_bytes: Some(40),
            })
        };
        [(1, 900), (2, 12_345), (3, 1_100), (4, 1_000)].map(page).to_vec()
    }

    #[test]
    fn what_stands_out_is_told_in_short() {
        insta::assert_snapshot!(timeline(&pages()).expect("there are pages"), @"
        a page takes    1.0 s (the median)
        pages a minute  15.6
        slowest         page 2: 12.3 s, 1,000 read, 2 requests, 683.5 KiB
                        page 3: 1.1 s, 1,000 read, 2 requests, 683.5 KiB
                        page 4: 1.0 s, 1,000 read, 2 requests, 683.5 KiB
        ");
        assert_eq!(timeline(&[]), None);
    }

    #[test]
    fn pages_are_a_table() {
        insta::assert_snapshot!(table(&pages()[..2]).render(None), @"
        PAGE  AT                      TOOK   READ  ADDED  UPDATED  UNCHANGED  DELETED  QUARANTINED  REQUESTS      BYTES
           1  2026-01-01 00:00:01Z  900 ms  1,000    990       10          0        0            0         2  683.5 KiB
           2  2026-01-01 00:00:02Z  12.3 s  1,000    990       10          0        0            0         2  683.5 KiB
        ");
    }
}
