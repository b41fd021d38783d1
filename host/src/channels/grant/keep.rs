//! The row of a grant, sealed and opened, and the times that follow from it. Pure but for the
//! vault.

use super::Access;
use crate::{
    broker::Granted,
    channels::vault::{Place, Vault, VaultError},
    model::{ChannelId, KeptGrant, Sealed, Secret, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// What the tokens are sealed for; no field of a form has a slash in its name.
const FIELD: &str = "oauth/tokens";

/// A token is renewed so long before it expires, at most: requests are under way for a while,
/// and no two clocks are the same.
const SKEW: Duration = Duration::from_secs(60);

/// The tokens of a grant, in the clear.
#[derive(Clone, Debug)]
pub(in crate::channels) struct Opened {
    pub(in crate::channels) access: Secret,
    pub(in crate::channels) refresh: Option<Secret>,
}

/// What a new row is made of.
pub(in crate::channels) struct Kept<'a> {
    pub(in crate::channels) channel: ChannelId,
    pub(in crate::channels) digest: &'a str,
    /// When the tokens were asked for: a lifetime counts from before the answer.
    pub(in crate::channels) asked: Timestamp,
    pub(in crate::channels) scopes: &'a [String],
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    access: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    refresh: Option<std::borrow::Cow<'a, str>>,
}

/// The first row of a grant.
pub(in crate::channels) fn sealed(
    vault: &Vault,
    kept: Kept<'_>,
    granted: &Granted,
) -> Result<KeptGrant, VaultError> {
    Ok(KeptGrant {
        provider: kept.digest.to_owned(),
        tokens: seal(vault, kept.channel, &granted.access, granted.refresh.as_ref())?,
        scopes: granted.scopes.clone().unwrap_or_else(|| kept.scopes.to_vec()),
        connected: kept.asked,
        renewed: kept.asked,
        expires: granted.expires_in.map(|time| kept.asked.plus(time)),
        renewable: granted.refresh.is_some(),
        renewals: 0,
        claim: None,
        ended: None,
    })
}

/// The tokens of a row.
pub(in crate::channels) fn open(
    vault: &Vault,
    channel: ChannelId,
    kept: &KeptGrant,
) -> Result<Opened, VaultError> {
    let text = vault.unseal(&kept.tokens, Place { channel, field: FIELD })?;
    let written: Written<'_> =
        serde_json::from_str(text.expose()).map_err(|_| VaultError::Damaged(FIELD.into()))?;
    Ok(Opened { access: Secret::new(written.access), refresh: written.refresh.map(Secret::new) })
}

pub(super) fn seal(
    vault: &Vault,
    channel: ChannelId,
    access: &Secret,
    refresh: Option<&Secret>,
) -> Result<Sealed, VaultError> {
    let written =
        Written { access: access.expose().into(), refresh: refresh.map(|token| token.expose().into()) };
    let text = Zeroizing::new(serde_json::to_string(&written).expect("two texts are JSON"));
    vault.seal(&Secret::new(text.as_str()), Place { channel, field: FIELD })
}

/// How a token is used: until shortly before it expires, a tenth of its life at most.
pub(super) fn access(token: &Secret, kept: &KeptGrant) -> Access {
    Access { token: token.clone(), fresh_until: fresh_until(kept) }
}

pub(super) fn fresh_until(kept: &KeptGrant) -> Option<Timestamp> {
    let expires = kept.expires?;
    let life = Duration::from_millis(expires.millis_since(kept.renewed));
    let skew = SKEW.min(life / 10);
    Some(expires.plus_millis(-i64::try_from(skew.as_millis()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(life: Option<Duration>) -> KeptGrant {
        let renewed = Timestamp::from_millis(1_000);
        KeptGrant {
            provider: "p".into(),
            tokens: Sealed(String::new()),
            scopes: Vec::new(),
            connected: renewed,
            renewed,
            expires: life.map(|life| renewed.plus(life)),
            renewable: true,
            renewals: 0,
            claim: None,
            ended: None,
        }
    }

    #[test]
    fn tokens_are_renewed_before_they_expire() {
        for (life, fresh_for) in [
            (Some(Duration::from_secs(3_600)), Some(3_540_000)),
            (Some(Duration::from_secs(100)), Some(90_000)),
            (Some(Duration::from_secs(1)), Some(900)),
            (None, None),
        ] {
            let until = fresh_until(&kept(life)).map(|until| until.as_millis() - 1_000);
            assert_eq!(until, fresh_for, "{life:?}");
        }
    }
}
