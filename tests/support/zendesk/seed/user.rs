//! Made-up users. The first one is the agent whose token tests use.
//!
//! Properties: `/api-reference/ticketing/users/users/#json-format`.

use super::{FIRST, FIRST_USER, Plan, STEP, Seeded, dice::Dice, text, write::Writer};
use crate::zendesk::{EMAIL, collection::Seeds};
use std::sync::Arc;

/// Which dice users use.
const KIND: u64 = 2;

/// The seeded users.
pub(in crate::zendesk) struct Users(Arc<Plan>);

impl Seeded for Users {
    fn new(plan: &Arc<Plan>) -> Self {
        Self(Arc::clone(plan))
    }
}

impl Seeds for Users {
    const ROOM: usize = 1100;

    fn count(&self) -> u64 {
        self.0.users
    }

    fn first_id(&self) -> u64 {
        FIRST_USER
    }

    fn at(&self, index: u64) -> i64 {
        FIRST + i64::try_from(index).unwrap_or_default() * STEP
    }

    fn write(&self, index: u64, out: &mut Vec<u8>) {
        let mut dice = Dice::of(KIND, index);
        let mut writer = Writer(out);
        let updated = self.at(index);
        identity(&mut writer, &self.0, index, &mut dice);
        let created = updated - i64::try_from(dice.below(700 * 86_400)).unwrap_or_default();
        writer.raw(",\"created_at\":").time(created).raw(",\"updated_at\":").time(updated);
        place(&mut writer, &mut dice);
        standing(&mut writer, index, updated, &mut dice);
    }
}

fn identity(writer: &mut Writer<'_>, plan: &Plan, index: u64, dice: &mut Dice) {
    let id = FIRST_USER + index;
    writer
        .raw("{\"id\":")
        .number(id)
        .raw(",\"url\":\"")
        .raw(&plan.url)
        .raw("/api/v2/users/")
        .number(id)
        .raw(".json\",\"name\":\"");
    match index {
        0 => writer.raw("Alex Agent\",\"email\":\"").raw(EMAIL).raw("\""),
        _ => {
            writer.raw(dice.pick(text::FIRST_NAMES)).raw(" ").raw(dice.pick(text::LAST_NAMES));
            writer.raw("\",\"email\":\"user").number(index).raw("@customer.example\"")
        }
    };
}

fn place(writer: &mut Writer<'_>, dice: &mut Dice) {
    let zone = text::ZONES[usize::try_from(dice.below(text::ZONES.len() as u64)).expect("below a length")];
    let locale =
        text::LOCALES[usize::try_from(dice.below(text::LOCALES.len() as u64)).expect("below a length")];
    writer
        .raw(",\"time_zone\":\"")
        .raw(zone.0)
        .raw("\",\"iana_time_zone\":\"")
        .raw(zone.1)
        .raw("\",\"phone\":");
    match dice.once_in(2) {
        true => writer.raw("null"),
        false => writer.raw("\"+49 30 ").number(1_000_000 + dice.below(8_999_999)).raw("\""),
    };
    writer
        .raw(",\"shared_phone_number\":null,\"photo\":null,\"locale_id\":")
        .number(locale.1)
        .raw(",\"locale\":\"")
        .raw(locale.0)
        .raw("\"");
}

fn standing(writer: &mut Writer<'_>, index: u64, updated: i64, dice: &mut Dice) {
    let (role, kind) = match index {
        0 => ("admin", "4"),
        _ if Plan::is_agent(index) => ("agent", "0"),
        _ => ("end-user", "null"),
    };
    writer
        .raw(",\"organization_id\":")
        .raw("null,\"role\":\"")
        .raw(role)
        .raw("\",\"verified\":true,\"external_id\":null,\"tags\":[\"");
    writer
        .raw(dice.pick(text::TAGS))
        .raw("\"],\"alias\":\"\",\"active\":true,\"shared\":false,\"shared_agent\":false,\"last_login_at\":");
    writer.time(updated - i64::try_from(dice.below(86_400)).unwrap_or_default());
    writer.raw(",\"two_factor_auth_enabled\":false,\"signature\":null,\"details\":\"\",\"notes\":\"\",\"role_type\":").raw(kind);
    writer.raw(",\"custom_role_id\":null,\"moderator\":false,\"ticket_restriction\":null,\"only_private_comments\":false");
    writer.raw(",\"restricted_agent\":false,\"suspended\":false,\"default_group_id\":null,\"report_csv\":false,\"user_fields\":{\"plan\":\"");
    writer.raw(dice.pick(text::PLANS)).raw("\",\"seats\":").number(dice.below(500)).raw("}}");
}

/// The id of the user who was seeded with that address, if one was.
pub(in crate::zendesk) fn user_of_email(email: &str) -> Option<u64> {
    if email == EMAIL {
        return Some(FIRST_USER);
    }
    let number: u64 = email.strip_prefix("user")?.strip_suffix("@customer.example")?.parse().ok()?;
    Some(FIRST_USER + number)
}
