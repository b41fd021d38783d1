//! `webhook`: addresses that remote systems post to.

use crate::{
    api::view::{Hook, List, MadeHook},
    cli::{
        client::{Call, Document, path},
        exit::{Exit, Usage},
        help, outcome,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{count, maybe_time, none, time},
        values::OneSecret,
    },
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an address for what a channel's remote system posts
    #[command(after_help = help::WEBHOOK_CREATE)]
    Create {
        /// The channel
        channel: String,
        /// Which kind; `tidegate plugin inspect FILE` lists them
        kind: String,
        #[command(flatten)]
        secret: OneSecret,
        /// Take deliveries that nobody signs; only for kinds whose sender cannot sign
        #[arg(long, conflicts_with_all = ["secret", "secret_file"])]
        unsigned: bool,
    },
    /// List the addresses
    #[command(after_help = help::WEBHOOK_LIST)]
    List {
        /// Of this channel only
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
    /// Show one, and what came to it
    #[command(after_help = help::WEBHOOK_SHOW)]
    Show {
        /// Its id
        id: String,
    },
    /// Give one another address and another secret; the old ones end at once
    #[command(after_help = help::WEBHOOK_ROTATE)]
    Rotate {
        /// Its id
        id: String,
        #[command(flatten)]
        secret: OneSecret,
        /// Keep the address
        #[arg(long)]
        keep_address: bool,
        /// Keep the secret
        #[arg(long, conflicts_with_all = ["secret", "secret_file"])]
        keep_secret: bool,
    },
    /// Delete one: what is posted there is refused from then on
    #[command(after_help = help::WEBHOOK_DELETE)]
    Delete {
        /// Its id
        id: String,
        /// Yes, delete it
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Create { channel, kind, secret, unsigned } => {
            let body =
                json!({ "channel": channel, "kind": kind, "secret": secret.read()?, "unsigned": unsigned });
            made(ctx, Call::post(path(&["webhooks"])).json(&body)).await
        }
        Command::List { channel } => list(ctx, channel.as_deref()).await,
        Command::Show { id } => {
            let document = Session::once(ctx, Needs::Plugins, Call::get(path(&["webhooks", &id]))).await?;
            tell(ctx, &document, |hook: Hook| Ok(shown(&hook)))
        }
        Command::Rotate { id, secret, keep_address, keep_secret } => {
            let body = json!({
                "keep-address": keep_address,
                "keep-secret": keep_secret,
                "secret": secret.read()?,
            });
            made(ctx, Call::post(path(&["webhooks", &id, "rotate"])).json(&body)).await
        }
        Command::Delete { id, yes } => delete(ctx, &id, yes).await,
    }
}

fn tell<T: serde::de::DeserializeOwned>(
    ctx: &Context<'_>,
    document: &Document,
    text: impl FnOnce(T) -> anyhow::Result<String>,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
    } else {
        ctx.out.line(text(document.read()?)?)?;
    }
    Ok(Exit::Done)
}

async fn made(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    let document = Session::once(ctx, Needs::Plugins, call).await?;
    tell(ctx, &document, |made: MadeHook| Ok(registered(&made)))
}

/// What it takes to register a webhook at the remote system.
fn registered(made: &MadeHook) -> String {
    let hook = &made.hook;
    let mut lines = vec![("webhook", hook.id.to_string()), ("address", hook.address.clone())];
    match (&made.secret, hook.signature.secret.as_deref()) {
        (Some(secret), _) => lines.push(("secret", format!("{secret}  (shown this once)"))),
        (None, Some("own")) => lines.push(("secret", "as it was given".to_owned())),
        (None, Some(setting)) => lines.push(("secret", format!("the channel's setting '{setting}'"))),
        (None, None) => lines.push(("secret", "none: deliveries are not signed".to_owned())),
    }
    if let Some(header) = &hook.signature.header {
        lines.push(("signed in", header.clone()));
    }
    let how = match hook.help.as_str() {
        "" => "Register the address and the secret at the remote system, for JSON by POST.",
        help => help,
    };
    format!("{}\n\n{}", pairs(&lines), crate::cli::text::clean(how))
}

async fn list(ctx: &Context<'_>, channel: Option<&str>) -> anyhow::Result<Exit> {
    let document =
        Session::once(ctx, Needs::Plugins, Call::get(path(&["webhooks"])).with("channel", channel)).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let hooks: List<Hook> = document.read()?;
    if hooks.items.is_empty() {
        ctx.out.note("no webhooks; make one with: tidegate webhook create CHANNEL KIND");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["WEBHOOK", "CHANNEL", "KIND", ">TAKEN", ">REFUSED", ">FAILED", "LAST"]);
    for hook in hooks.items {
        let came = &hook.deliveries;
        table.row([
            hook.id.to_string(),
            hook.channel.to_string(),
            hook.kind.to_string(),
            count(came.taken),
            count(came.refused),
            count(came.failed + came.not_understood),
            maybe_time(came.last_taken),
        ]);
    }
    ctx.out.table(table)?;
    Ok(Exit::Done)
}

/// Everything about one.
fn shown(hook: &Hook) -> String {
    let came = &hook.deliveries;
    let kind = match hook.label.as_str() {
        "" => hook.kind.to_string(),
        label => format!("{} ({label})", hook.kind),
    };
    let secret = hook.signature.secret.as_deref();
    let secret = secret.map(|secret| if secret == "own" { "its own" } else { secret });
    let failure = came.last_failure.as_ref();
    let failure =
        failure.map(|failure| format!("{}  {} ({})", time(failure.at), failure.message, failure.code));
    pairs(&[
        ("webhook", hook.id.to_string()),
        ("channel", hook.channel.to_string()),
        ("kind", kind),
        ("address", hook.address.clone()),
        ("signature", hook.signature.scheme.clone()),
        ("secret", secret.map_or_else(none, str::to_owned)),
        ("created", time(hook.created)),
        ("rotated", maybe_time(hook.rotated)),
        ("taken", count(came.taken)),
        ("repeated", count(came.repeated)),
        ("refused", count(came.refused)),
        ("not understood", count(came.not_understood)),
        ("failed", count(came.failed)),
        ("turned away", count(came.limited)),
        ("last taken", maybe_time(came.last_taken)),
        ("last failure", failure.unwrap_or_else(none)),
    ])
}

async fn delete(ctx: &Context<'_>, id: &str, yes: bool) -> anyhow::Result<Exit> {
    if !yes {
        let words = "what the remote system posts there is refused from then on: add --yes if that is meant";
        return Err(Usage(words.to_owned()).into());
    }
    let session = Session::open(ctx, Needs::Data).await?;
    outcome::delete(ctx, &session, ["webhooks", id], format!("webhook {id} is deleted")).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn made(secret: Value) -> MadeHook {
        let document = json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "channel": "acme", "kind": "changed", "label": "Changes",
            "address": "https://hooks.example.com/hooks/acme/r4nd0m",
            "signature": {"scheme": "hmac-sha256", "header": "X-Signature", "secret": "own"},
            "created": "2026-01-01T00:00:00Z",
            "deliveries": {"taken": 1234, "refused": 1, "last-taken": "2026-01-01T00:00:05Z",
                "last-failure": {"at": "2026-01-01T00:00:03Z", "code": "webhook.signature", "message": "it does not fit"}},
            "secret": secret,
        });
        serde_json::from_value(document).expect("a webhook")
    }

    #[test]
    fn what_is_made_says_how_to_register_it() {
        insta::assert_snapshot!(registered(&made(json!("s3cret"))), @r"
        webhook    01JZZZZZZZZZZZZZZZZZZZZZZZ
        address    https://hooks.example.com/hooks/acme/r4nd0m
        secret     s3cret  (shown this once)
        signed in  X-Signature

        Register the address and the secret at the remote system, for JSON by POST.
        ");
    }

    #[test]
    fn one_is_shown_with_what_came_to_it() {
        insta::assert_snapshot!(shown(&made(Value::Null).hook), @r"
        webhook         01JZZZZZZZZZZZZZZZZZZZZZZZ
        channel         acme
        kind            changed (Changes)
        address         https://hooks.example.com/hooks/acme/r4nd0m
        signature       hmac-sha256
        secret          its own
        created         2026-01-01 00:00:00Z
        rotated         -
        taken           1,234
        repeated        0
        refused         1
        not understood  0
        failed          0
        turned away     0
        last taken      2026-01-01 00:00:05Z
        last failure    2026-01-01 00:00:03Z  it does not fit (webhook.signature)
        ");
    }
}
