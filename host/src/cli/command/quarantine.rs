//! `quarantine`: the records that failed, another try for them, giving them up.

use crate::{
    api::view::{Dropped, Failed, Job, List, Payload, Quarantined, Retried, Selection},
    cli::{
        client::{Call, Document, path},
        exit::{Exit, Usage},
        follow::{Followed, follow},
        help,
        pretty::pretty,
        report,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{bytes, clean, count, excerpt, none, time},
    },
    model::{Class, Name, Span},
};
use clap::{Args, Subcommand};
use serde_json::value::RawValue;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List records in quarantine, by connector and key
    #[command(after_help = help::QUARANTINE_LIST)]
    List {
        /// Of this channel only
        channel: Option<String>,
        /// Of this connector only
        #[arg(long, value_name = "CONNECTOR")]
        connector: Option<Name>,
        #[command(flatten)]
        filter: Filter,
        /// How many at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
        /// Where an earlier list ended
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// Show a record in quarantine whole
    #[command(after_help = help::QUARANTINE_SHOW)]
    Show {
        /// The channel
        channel: String,
        /// The connector
        connector: Name,
        /// The key, as the list shows it
        key: String,
    },
    /// Try records again; they leave quarantine when they come good
    #[command(after_help = help::QUARANTINE_RETRY)]
    Retry {
        #[command(flatten)]
        of: Of,
        /// Wait for the end
        #[arg(long)]
        wait: bool,
    },
    /// Give records up
    #[command(after_help = help::QUARANTINE_DROP)]
    Drop {
        #[command(flatten)]
        of: Of,
        /// Yes, forget them
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Whose code begins so
    #[arg(long, value_name = "PREFIX")]
    code: Option<String>,
    /// Of this class
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<Class>,
    /// That failed within this time, as in 2h
    #[arg(long, value_name = "TIME", value_parser = span)]
    since: Option<Span>,
}

/// One record, those that a filter fits, or all.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The channel
    channel: String,
    /// Of this connector
    connector: Option<Name>,
    /// The record with this key
    key: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// All of them, of the channel or the connector
    #[arg(long)]
    all: bool,
}

impl Of {
    fn selection(&self) -> Selection {
        let Filter { code, class, since } = &self.filter;
        Selection {
            connector: self.connector.clone(),
            key: self.key.clone(),
            code: code.clone(),
            class: *class,
            since: *since,
            all: self.all,
        }
    }

    /// Nobody tries or forgets everything by mistake.
    fn check(&self) -> Result<(), Usage> {
        let Filter { code, class, since } = &self.filter;
        let is_filtered = code.is_some() || class.is_some() || since.is_some();
        let message = match (self.key.is_some(), is_filtered, self.all) {
            (true, true, _) | (true, _, true) => "a key names one record: leave out --all and the filters",
            (false, false, false) => {
                "name a record (CONNECTOR KEY) or filter with --code, --class or --since; \
                 --all if you mean all of them"
            }
            (false, true, true) => "--all and a filter contradict each other",
            _ => return Ok(()),
        };
        Err(Usage(message.to_owned()))
    }

    fn call(&self, what: &str) -> anyhow::Result<Call> {
        let body = serde_json::to_value(self.selection())?;
        Ok(Call::post(path(&["channels", &self.channel, "quarantine", what])).json(&body))
    }
}

/// As the API and the configuration write it.
fn class(text: &str) -> Result<Class, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Span, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { channel, connector, filter, limit, after } => {
            let seek = Seek { channel, connector, filter };
            list(ctx, &seek, usize::from(limit.clamp(1, 1_000)), after).await
        }
        Command::Show { channel, connector, key } => {
            show(ctx, path(&["channels", &channel, "quarantine", connector.as_str(), &key])).await
        }
        Command::Retry { of, wait } => retry(ctx, &of, wait).await,
        Command::Drop { of, yes } => drop(ctx, &of, yes).await,
    }
}

/// What a list looks for.
struct Seek {
    channel: Option<String>,
    connector: Option<Name>,
    filter: Filter,
}

impl Seek {
    fn call(&self, limit: usize, after: Option<&str>) -> Call {
        let Filter { code, class, since } = &self.filter;
        Call::get(path(&["quarantine"]))
            .with("channel", self.channel.as_deref())
            .with("connector", self.connector.as_ref().map(Name::as_str))
            .with("code", code.as_deref())
            .with("class", class.map(Class::as_str))
            .with("since", since.map(|span| span.to_string()).as_deref())
            .with("limit", Some(&limit.to_string()))
            .with("after", after)
    }
}

async fn list(
    ctx: &Context<'_>,
    seek: &Seek,
    limit: usize,
    mut after: Option<String>,
) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let mut items: Vec<Box<RawValue>> = Vec::new();
    // The host looks at so many entries at a time: a page can be short and not the last.
    loop {
        let call = seek.call(limit - items.len(), after.as_deref());
        let page: List<Box<RawValue>> = session.ask(call).await?.read()?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() || items.len() >= limit {
            break;
        }
    }
    if ctx.out.is_json() {
        ctx.out.document(&List { items, next: after })?;
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        ctx.out.note("nothing in quarantine that fits");
        return Ok(Exit::Done);
    }
    let entries: Vec<Quarantined> =
        items.iter().map(|item| serde_json::from_str(item.get())).collect::<Result<_, _>>()?;
    ctx.out.table(table(&entries))?;
    if let Some(after) = after {
        ctx.out.note(format!("more: --after {after}"));
    }
    Ok(Exit::Done)
}

fn table(entries: &[Quarantined]) -> Table {
    /// Enough to recognise a cause.
    const EXCERPT: usize = 70;
    let mut table =
        Table::new(["CHANNEL", "CONNECTOR", "KIND", "KEY", "CODE", ">TRIES", "LAST SEEN", "~CAUSE"]);
    for entry in entries {
        let again = if entry.retry { "(tried again soon) " } else { "" };
        table.row([
            entry.channel.to_string(),
            entry.connector.to_string(),
            kind(entry).to_owned(),
            entry.key.clone(),
            entry.reason.code.clone(),
            count(entry.attempts.into()),
            time(entry.last_seen),
            format!("{again}{}", excerpt(&entry.reason.message, EXCERPT)),
        ]);
    }
    table
}

async fn show(ctx: &Context<'_>, path: String) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let document = session.ask(Call::get(path)).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(describe(&document.read()?))?;
    }
    Ok(Exit::Done)
}

fn describe(entry: &Quarantined) -> String {
    let mut text = pairs(&[
        ("channel", entry.channel.to_string()),
        ("connector", entry.connector.to_string()),
        ("key", entry.key.clone()),
        ("cause", entry.reason.message.clone()),
        ("class", entry.reason.class.to_string()),
        ("code", entry.reason.code.clone()),
        ("attempts", count(entry.attempts.into())),
        ("first seen", time(entry.first_seen)),
        ("last seen", time(entry.last_seen)),
        ("run", entry.run.map_or_else(none, |run| run.to_string())),
        ("tried again", again(entry).to_owned()),
        ("payload", size(entry)),
    ]);
    for field in &entry.reason.fields {
        text.push_str(&format!("\n  {}  {}", clean(&field.field), clean(&field.message)));
    }
    let payload = match &entry.payload {
        None => return text,
        Some(Payload::Json(json)) => pretty(json.get()),
        Some(Payload::Text(words)) => words.clone(),
    };
    text.push_str("\n\n");
    text.push_str(&payload.lines().map(clean).collect::<Vec<_>>().join("\n"));
    text
}

fn again(entry: &Quarantined) -> &'static str {
    match (entry.kind, entry.retry) {
        (_, true) => "soon",
        (Failed::Import, false) => "when it is delivered or asked for",
        (Failed::Export, false) => "when it is edited or asked for",
    }
}

fn kind(entry: &Quarantined) -> &'static str {
    match entry.kind {
        Failed::Import => "import",
        Failed::Export => "export",
    }
}

fn size(entry: &Quarantined) -> String {
    let kind = match &entry.payload {
        Some(Payload::Json(_)) => "JSON",
        Some(Payload::Text(_)) => "text",
        None => return none(),
    };
    match entry.payload_bytes {
        Some(size) if size > entry.payload_kept => {
            format!("{kind}, {} of {} were kept", bytes(entry.payload_kept), bytes(size))
        }
        _ => format!("{kind}, {}", bytes(entry.payload_kept)),
    }
}

async fn retry(ctx: &Context<'_>, of: &Of, wait: bool) -> anyhow::Result<Exit> {
    of.check()?;
    let mut session = Session::open(ctx, Needs::Runs).await?;
    let document = match session.ask(of.call("retry")?).await {
        Ok(document) => document,
        Err(error) => {
            session.stop().await;
            return Err(error);
        }
    };
    let retried: Retried = document.read()?;
    if !ctx.out.is_json() {
        for line in told(&retried, &of.channel) {
            ctx.out.line(line)?;
        }
    }
    let Some(job) = retried.job.as_ref().filter(|_| wait || session.is_local()) else {
        session.stop().await;
        return promised(ctx, &document, &retried, &of.channel);
    };
    let followed = follow(ctx, &mut session, job.job, None).await;
    session.stop().await;
    let job = match followed? {
        Followed::Ended(job) | Followed::PutOff(job) | Followed::LeftAlone(job) => job,
        Followed::Behind(job, before) => {
            ctx.out
                .note(format!("it follows job {}, which is put off, and is done after that one", before.job));
            ended(ctx, retried, job)?;
            return Ok(Exit::Failed);
        }
    };
    ended(ctx, retried, job)
}

/// What was asked for, in sentences.
fn told(retried: &Retried, channel: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "asked for again: {}, judged anew: {}, cannot be tried again: {}",
        count(retried.asked + retried.exported),
        count(retried.judged),
        count(retried.cannot)
    )];
    for hopeless in &retried.reasons {
        lines.push(clean(&format!("  {} {}: {}", hopeless.connector, hopeless.key, hopeless.why)));
        lines.extend(hopeless.next.as_ref().map(|next| format!("    next: {}", clean(next))));
    }
    let untold = retried.cannot.saturating_sub(retried.reasons.len() as u64);
    if untold > 0 {
        lines.push(format!("  and {} more", count(untold)));
    }
    if let Some(problem) = &retried.refused {
        lines.push(format!(
            "no sync was started ({}); the next one does it: tidegate sync {channel}",
            clean(&problem.message)
        ));
    }
    lines
}

/// What a host promised to do.
fn promised(
    ctx: &Context<'_>,
    document: &Document,
    retried: &Retried,
    channel: &str,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
    } else if retried.job.is_some() {
        ctx.out.note(format!("a sync was started; follow it with: tidegate run list --channel {channel}"));
    }
    Ok(Exit::Done)
}

fn ended(ctx: &Context<'_>, retried: Retried, job: Job) -> anyhow::Result<Exit> {
    let exit = Exit::of_runs(&job.runs);
    if ctx.out.is_json() {
        ctx.out.document(&Retried { job: Some(job), ..retried })?;
        return Ok(exit);
    }
    for run in &job.runs {
        ctx.out
            .line(format!("{}: {}, {} in quarantine", run.connector, run.status, run.counters.quarantined))?;
    }
    for line in report::troubles(&job.runs) {
        ctx.out.line(line)?;
    }
    Ok(exit)
}

async fn drop(ctx: &Context<'_>, of: &Of, yes: bool) -> anyhow::Result<Exit> {
    of.check()?;
    if !yes {
        let message = "this forgets records in quarantine with what is kept of them; add --yes if that is what you want";
        return Err(Usage(message.to_owned()).into());
    }
    let session = Session::open(ctx, Needs::Data).await?;
    let document = session.ask(of.call("drop")?).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        let Dropped { dropped } = document.read()?;
        ctx.out.line(format!("dropped: {}", count(dropped)))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::view::{Hopeless, Problem},
        model::{ChannelName, FieldError, RunId, Timestamp},
    };

    fn entry(payload: Option<Payload>) -> Quarantined {
        let time = Timestamp::from_millis(1_767_225_600_000);
        let reason = Problem::new(Class::InvalidData, "record.size", "the payload has 9,000 bytes")
            .with_fields(vec![FieldError::new("subject", "is \u{1b}[31mtoo long")]);
        Quarantined {
            channel: ChannelName::try_new("zen").expect("a name"),
            connector: Name::try_new("ticket").expect("a name"),
            key: "47\u{202e}11".into(),
            reason,
            attempts: 3,
            first_seen: time,
            last_seen: time,
            run: Some(RunId::from_bytes([1; 16])),
            kind: Failed::Import,
            retry: false,
            payload_bytes: Some(9_000),
            payload_kept: 12,
            payload,
        }
    }

    #[test]
    fn an_entry_is_a_line_and_nothing_of_it_is_active() {
        insta::assert_snapshot!(table(&[entry(None)]).render(Some(120)), @"
        CHANNEL  CONNECTOR  KIND    KEY    CODE         TRIES  LAST SEEN             CAUSE
        zen      ticket     import  47�11  record.size      3  2026-01-01 00:00:00Z  the payload has 9,000 bytes
        ");
    }

    #[test]
    fn an_entry_is_told_whole() {
        let json = serde_json::from_str(r#"{"id":1.00,"s":"b"}"#).expect("JSON");
        insta::assert_snapshot!(describe(&entry(Some(Payload::Json(json)))), @r#"
        channel      zen
        connector    ticket
        key          47�11
        cause        the payload has 9,000 bytes
        class        invalid-data
        code         record.size
        attempts     3
        first seen   2026-01-01 00:00:00Z
        last seen    2026-01-01 00:00:00Z
        run          01040G2081040G2081040G2081
        tried again  when it is delivered or asked for
        payload      JSON, 12 B of 8.7 KiB were kept
          /subject  is �[31mtoo long

        {
          "id": 1.00,
          "s": "b"
        }
        "#);
        let text = describe(&entry(Some(Payload::Text("<p>\u{1b}[2J\n</p>".into()))));
        assert!(
            text.ends_with("\n\n<p>\u{fffd}[2J\n</p>") && text.contains("text, 12 B of 8.7 KiB"),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_tried_again_is_told_with_its_cure() {
        let hopeless = Hopeless {
            connector: Name::try_new("ticket").expect("a name"),
            key: "item 3".into(),
            why: "no".into(),
            next: Some("tidegate sync zen --connector ticket --full".into()),
        };
        let refused = Some(Problem::new(Class::Conflict, "sync.busy", "a sync is going on"));
        let retried = Retried {
            asked: 1,
            judged: 2,
            exported: 0,
            cannot: 3,
            reasons: vec![hopeless],
            job: None,
            refused,
        };
        insta::assert_snapshot!(told(&retried, "zen").join("\n"), @"
        asked for again: 1, judged anew: 2, cannot be tried again: 3
          ticket item 3: no
            next: tidegate sync zen --connector ticket --full
          and 2 more
        no sync was started (a sync is going on); the next one does it: tidegate sync zen
        ");
    }

    #[test]
    fn nothing_is_selected_by_mistake() {
        let check = |key: Option<&str>, code: Option<&str>, all: bool, fits: bool| {
            let filter = Filter { code: code.map(str::to_owned), class: None, since: None };
            let connector = Name::try_new("ticket").ok();
            let of = Of { channel: "zen".into(), connector, key: key.map(str::to_owned), filter, all };
            assert_eq!(of.check().is_ok(), fits, "{of:?}");
        };
        check(Some("1"), None, false, true);
        check(None, Some("record."), false, true);
        check(None, None, true, true);
        check(None, None, false, false);
        check(Some("1"), None, true, false);
        check(Some("1"), Some("record."), false, false);
        check(None, Some("record."), true, false);
    }

    #[test]
    fn classes_and_times_are_read_as_the_api_writes_them() {
        assert_eq!(class("invalid-data"), Ok(Class::InvalidData));
        assert!(class("Invalid").is_err());
        assert_eq!(span("2h"), Ok(Span::secs(7_200)));
        assert!(span("soon").is_err());
    }
}
