//! Failures as they are shown: what happened, which field, what to do next.

use super::{
    client::Unreachable,
    exit::{Usage, is_broken_pipe},
    out::Out,
    text::clean,
};
use crate::{
    api::view::{FieldProblem, Problem, ProblemDocument, Run},
    app, config,
    model::{Class, Status},
};

/// Shows an error: for people on stderr, with `--json` as the document of the answer.
pub(super) fn error(out: &Out, error: &anyhow::Error) {
    if is_broken_pipe(error) {
        return;
    }
    let problem = problem(error);
    if out.is_json() {
        // Where stdout is gone, the exit code still tells.
        let _ = out.document(&ProblemDocument { error: problem });
    } else {
        out.note(format!("error: {}", whole(&problem, None)));
    }
}

/// An error in the form of the API.
fn problem(error: &anyhow::Error) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    let (class, code) = if error.is::<Usage>() {
        (Class::InvalidData, "cli.usage")
    } else if error.is::<config::Error>() {
        (Class::Config, "config.invalid")
    } else if error.is::<Unreachable>() {
        (Class::Transient, "host.unreachable")
    } else if let Some(error) = error.downcast_ref::<app::Error>() {
        match error {
            error if error.is_locked() => (Class::Transient, "store.locked"),
            app::Error::Listen(_) => (Class::Denied, "api.listen"),
            app::Error::Bind { .. } => (Class::Config, "api.bind"),
            _ => (Class::Config, "host.start"),
        }
    } else {
        (Class::Internal, "cli.failed")
    };
    Problem::new(class, code, format!("{error:#}"))
}

/// The message, a line for every field, and what to do next.
pub(super) fn whole(problem: &Problem, channel: Option<&str>) -> String {
    let mut text = sentence(problem);
    if let Some(advice) = advice(problem, channel) {
        text.push_str(&format!("\nnext: {advice}"));
    }
    text
}

/// The message, and a line for every field.
pub(super) fn sentence(problem: &Problem) -> String {
    clean(&problem.message) + &particulars(problem)
}

/// A line for every field; each starts with a line break.
pub(super) fn particulars(problem: &Problem) -> String {
    let mut text = String::new();
    for field in &problem.fields {
        text.push_str(&format!("\n  {}", field_line(field)));
    }
    text
}

/// What failed runs say, each in a paragraph, and at the end what to do next: what
/// several of them need is said once.
pub(super) fn troubles(runs: &[Run]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut next = Vec::new();
    for run in runs {
        let Some(error) = &run.error else { continue };
        lines.push(format!("\n{}: {}", run.connector, sentence(error)));
        let advice = advice_of(run).map(|advice| format!("next: {advice}"));
        next.extend(advice.filter(|advice| !next.contains(advice)).into_iter().collect::<Vec<_>>());
    }
    lines.extend(next);
    lines
}

/// With the flag that mends it.
fn field_line(field: &FieldProblem) -> String {
    let name = field.field.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    let message = clean(&field.message);
    match (name.as_str(), field.secret) {
        ("", _) => message,
        (name, true) => format!("--secret-file {}=PATH  {message}", clean(name)),
        (name, false) => format!("--set {}=…  {message}", clean(name)),
    }
}

/// What to do next, with the channel's name in it where it is known.
pub(super) fn advice(problem: &Problem, channel: Option<&str>) -> Option<String> {
    let advice = advice_for(problem)?;
    Some(match channel {
        Some(channel) => advice.replace("NAME", channel),
        None => advice.to_owned(),
    })
}

/// What to do next about a run.
pub(super) fn advice_of(run: &Run) -> Option<String> {
    let problem = run.error.as_ref()?;
    match run.status {
        Status::Deferred => Some(while_put_off(problem).to_owned()),
        _ => advice(problem, Some(run.channel.as_str())),
    }
}

/// A run that is put off needs nobody; what it waits for may.
fn while_put_off(problem: &Problem) -> &'static str {
    match (problem.code.as_str(), problem.class) {
        ("plugin.missing", _) => {
            "put the plugin back (tidegate plugin list); the run goes on by itself afterwards"
        }
        ("plugin.quarantined", _) => {
            "put a version of the plugin into its place that works, or let this one go on (tidegate plugin \
             release); the run goes on by itself afterwards"
        }
        ("breaker.open" | "throttle.blocked", _) | (_, Class::RateLimited) => {
            "it goes on by itself; what it waits for: tidegate origin list"
        }
        _ => "it goes on by itself; when: tidegate run show ID",
    }
}

/// By the code, else by the class.
fn advice_for(problem: &Problem) -> Option<&'static str> {
    Some(match (problem.code.as_str(), problem.class) {
        ("channel.unknown", _) => "tidegate channel list",
        ("channel.name-taken", _) => {
            "choose another name, or change that channel: tidegate channel edit NAME"
        }
        ("plugin.missing" | "plugin.not-quarantined", _) => "tidegate plugin list",
        ("plugin.quarantined", _) => {
            "tidegate plugin list tells why; put a version into its place that works, or let this one go on: \
             tidegate plugin release PLUGIN"
        }
        ("channel.settings", _) => "tidegate plugin inspect FILE lists the settings and what they mean",
        ("channel.disabled" | "run.disabled", _) => "tidegate channel enable NAME",
        ("connector.unknown" | "channel.no-connectors", _) => {
            "tidegate channel show NAME lists the connectors"
        }
        ("cassette.unknown", _) => "tidegate cassette list",
        ("connector.not-offered" | "run.connector-gone", _) => {
            "switch it off (tidegate channel edit NAME --connector …), or put the old plugin back"
        }
        ("connector.no-full", _) => "leave --full out, or name other connectors with --connector",
        ("run.cancelled" | "run.interrupted", _) => "tidegate sync NAME goes on from the last page",
        ("breaker.open" | "throttle.blocked", _) => "tidegate origin list tells when it is tried again",
        ("run.unknown" | "job.unknown" | "run.over", _) => "tidegate run list",
        ("quarantine.unknown", _) => "tidegate quarantine list NAME",
        ("sweep.unclear", _) => "tidegate quarantine list NAME",
        ("record.unknown", _) => "tidegate record list NAME CONNECTOR",
        ("sync.busy", _) => "wait for it (tidegate run list), or end it (tidegate run cancel ID)",
        ("egress.dry-run", _) => {
            "the plugin has to send something to read; only a sync without --dry-run lets it"
        }
        ("store.locked", _) => {
            "wait until it ends; where it is a host that listens elsewhere, name it with --url"
        }
        ("config.invalid", _) => "correct the file; tidegate --config /dev/null config show prints every key",
        ("host.unreachable", _) => "start one with: tidegate serve",
        ("host.start", _) => "tidegate doctor",
        ("run.dependency" | "api.listen", _) => return None,
        ("api.bind", _) => "take a free port: tidegate serve --listen 127.0.0.1:0",
        ("key.wrong" | "key.file" | "key.form" | "key.shared", _) => "tidegate doctor",
        ("lifecycle.refused", _) => return None,
        ("settings.migration", _) => {
            "tidegate channel edit NAME --set KEY=VALUE, or put the old version of the plugin back"
        }
        (_, Class::Auth) => "correct the credentials: tidegate channel edit NAME --secret-file KEY=PATH",
        (_, Class::Denied) => "the host's rules forbid it; they stand under [broker] in the configuration",
        (_, Class::Transient | Class::RateLimited) => "try again later; nothing was lost",
        (code, Class::Config) if !code.starts_with("config.") => {
            "correct the settings: tidegate channel edit NAME --set KEY=VALUE"
        }
        (_, Class::Internal) if problem.code != "cli.failed" => "tidegate doctor, and the host's log",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{exit::Usage, text::samples},
        model::FieldError,
    };
    use anyhow::Context;

    #[test]
    fn fields_come_with_the_flag_that_mends_them() {
        let mut problem = Problem::new(Class::Config, "channel.settings", "the settings are not valid")
            .with_fields(vec![
                FieldError::new("email", "is required"),
                FieldError::new("token", "is required"),
            ]);
        problem.fields[1].secret = true;
        insta::assert_snapshot!(whole(&problem, None), @"
        the settings are not valid
          --set email=…  is required
          --secret-file token=PATH  is required
        next: tidegate plugin inspect FILE lists the settings and what they mean
        ");
    }

    #[test]
    fn the_next_step_is_that_of_the_code_or_else_of_the_class() {
        for (class, code, expected) in [
            (Class::Config, "plugin.missing", Some("tidegate plugin list")),
            (Class::Config, "run.disabled", Some("tidegate channel enable zen")),
            (
                Class::Config,
                "run.connector-gone",
                Some("switch it off (tidegate channel edit zen --connector …), or put the old plugin back"),
            ),
            (
                Class::Unsupported,
                "connector.no-full",
                Some("leave --full out, or name other connectors with --connector"),
            ),
            (Class::Transient, "run.cancelled", Some("tidegate sync zen goes on from the last page")),
            (Class::Transient, "breaker.open", Some("tidegate origin list tells when it is tried again")),
            (
                Class::RateLimited,
                "throttle.blocked",
                Some("tidegate origin list tells when it is tried again"),
            ),
            (
                Class::Conflict,
                "sync.busy",
                Some("wait for it (tidegate run list), or end it (tidegate run cancel ID)"),
            ),
            // What held the channel back is told in its class.
            (
                Class::Auth,
                "run.paused",
                Some("correct the credentials: tidegate channel edit zen --secret-file KEY=PATH"),
            ),
            (
                Class::Config,
                "run.paused",
                Some("correct the settings: tidegate channel edit zen --set KEY=VALUE"),
            ),
            (Class::Transient, "net.connect", Some("try again later; nothing was lost")),
            (Class::Auth, "run.dependency", None),
        ] {
            let problem = Problem::new(class, code, "no");
            assert_eq!(advice(&problem, Some("zen")).as_deref(), expected, "{class} {code}");
        }
    }

    #[test]
    fn nobody_is_told_to_act_where_a_run_goes_on_by_itself() {
        for (class, code, expected) in [
            (Class::Transient, "net.connect", "it goes on by itself; when: tidegate run show ID"),
            (
                Class::Transient,
                "breaker.open",
                "it goes on by itself; what it waits for: tidegate origin list",
            ),
            (
                Class::RateLimited,
                "http.status.429",
                "it goes on by itself; what it waits for: tidegate origin list",
            ),
            (
                Class::Config,
                "plugin.missing",
                "put the plugin back (tidegate plugin list); the run goes on by itself afterwards",
            ),
        ] {
            let error = Some(Problem::new(class, code, "no"));
            let run = Run { error, ..samples::run("ticket", Status::Deferred) };
            assert_eq!(advice_of(&run).as_deref(), Some(expected), "{class} {code}");
        }
    }

    #[test]
    fn errors_of_every_kind_have_a_class_and_a_code() {
        let io = std::io::Error::other("disk on fire");
        for (error, class, code, message) in [
            (anyhow::Error::from(Usage("no".into())), Class::InvalidData, "cli.usage", "no"),
            (Problem::new(Class::Auth, "a.b", "no").into(), Class::Auth, "a.b", "no"),
            (
                Err::<(), _>(io).context("the file cannot be read").expect_err("an error"),
                Class::Internal,
                "cli.failed",
                "the file cannot be read: disk on fire",
            ),
        ] {
            let problem = problem(&error);
            assert_eq!(
                (problem.class, problem.code.as_str(), problem.message.as_str()),
                (class, code, message)
            );
        }
    }
}
