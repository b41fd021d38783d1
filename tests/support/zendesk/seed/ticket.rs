//! Made-up tickets, of about 1 KB as JSON.
//!
//! Properties: `/api-reference/ticketing/tickets/tickets/#json-format`.

use super::{ALIKE, FIRST, Plan, STEP, Seeded, dice::Dice, text, write::Writer};
use crate::zendesk::collection::Seeds;
use std::sync::Arc;

/// Which dice tickets use.
const KIND: u64 = 1;
/// Ids of what belongs to the account and does not change.
const ORGANIZATIONS: u64 = 361_000_000_000;
const GROUPS: u64 = 362_000_000_000;
const BRANDS: u64 = 363_000_000_000;
const FORMS: u64 = 364_000_000_000;
const FIELDS: u64 = 365_000_000_000;
const STATUSES: u64 = 366_000_000_000;

/// The seeded tickets, with ids from 1 on.
pub(in crate::zendesk) struct Tickets(Arc<Plan>);

impl Seeded for Tickets {
    fn new(plan: &Arc<Plan>) -> Self {
        Self(Arc::clone(plan))
    }
}

impl Seeds for Tickets {
    const ROOM: usize = 1500;

    fn count(&self) -> u64 {
        self.0.tickets
    }

    fn first_id(&self) -> u64 {
        1
    }

    fn at(&self, index: u64) -> i64 {
        generated(index)
    }

    fn write(&self, index: u64, out: &mut Vec<u8>) {
        let mut dice = Dice::of(KIND, index);
        let mut writer = Writer(out);
        let facts = Facts::of(&self.0, index, &mut dice);
        head(&mut writer, &self.0, &facts, &mut dice);
        people(&mut writer, &self.0, &facts, &mut dice);
        fields(&mut writer, &mut dice);
        tail(&mut writer, &mut dice);
    }
}

/// When a seeded ticket was last touched. Some share a time.
fn generated(index: u64) -> i64 {
    let step = i64::try_from(index - index % ALIKE).unwrap_or_default();
    FIRST + step * STEP
}

/// What more than one part of a ticket needs.
struct Facts {
    id: u64,
    generated: i64,
    updated: i64,
    created: i64,
    status: &'static str,
    requester: u64,
}

impl Facts {
    fn of(plan: &Plan, index: u64, dice: &mut Dice) -> Self {
        let id = index + 1;
        let generated = generated(index);
        // A system update moves `generated_timestamp` and leaves `updated_at` behind.
        let updated = generated - if dice.once_in(7) { 3600 } else { 0 };
        let created = updated - i64::try_from(dice.below(30 * 86_400)).unwrap_or_default();
        let status = text::STATUSES[usize::try_from(id % 10).expect("a digit")];
        Self { id, generated, updated, created, status, requester: plan.any_user(dice.number()) }
    }
}

/// The text of a ticket's description, which is also its first comment.
pub(super) fn description(writer: &mut Writer<'_>, index: u64) {
    let mut dice = Dice::of(KIND + 100, index);
    writer.raw(dice.pick(text::SENTENCES));
    if dice.once_in(3) {
        writer.raw("\\n\\n").raw(dice.pick(text::SENTENCES));
    }
    writer.raw(" (case ").number(index + 1).raw(")");
}

/// Who asked for the ticket of that index, and when.
pub(super) fn origin(plan: &Plan, index: u64) -> (u64, i64) {
    let facts = Facts::of(plan, index, &mut Dice::of(KIND, index));
    (facts.requester, facts.created)
}

fn head(writer: &mut Writer<'_>, plan: &Plan, facts: &Facts, dice: &mut Dice) {
    writer
        .raw("{\"url\":\"")
        .raw(&plan.url)
        .raw("/api/v2/tickets/")
        .number(facts.id)
        .raw(".json\",\"id\":")
        .number(facts.id);
    match facts.id % 4 {
        0 => writer.raw(",\"external_id\":\"ext-").number(facts.id).raw("\""),
        _ => writer.raw(",\"external_id\":null"),
    };
    via(writer, facts, dice);
    writer.raw(",\"created_at\":").time(facts.created).raw(",\"updated_at\":").time(facts.updated);
    writer.raw(",\"generated_timestamp\":").number(u64::try_from(facts.generated).unwrap_or_default());
    let (kind, subject) = (dice.pick(text::TYPES), dice.pick(text::SUBJECTS));
    writer
        .raw(",\"type\":")
        .raw(kind)
        .raw(",\"subject\":\"")
        .raw(subject)
        .raw("\",\"raw_subject\":\"")
        .raw(subject);
    writer.raw("\",\"description\":\"");
    description(writer, facts.id - 1);
    writer
        .raw("\",\"priority\":")
        .raw(dice.pick(text::PRIORITIES))
        .raw(",\"status\":\"")
        .raw(facts.status)
        .raw("\"");
}

/// How it came in: `/documentation/ticketing/reference-guides/via-object-reference/`.
fn via(writer: &mut Writer<'_>, facts: &Facts, dice: &mut Dice) {
    match dice.below(3) {
        0 => {
            writer
                .raw(",\"via\":{\"channel\":\"email\",\"source\":{\"from\":{\"address\":\"user")
                .number(facts.requester - super::FIRST_USER);
            writer.raw("@customer.example\",\"name\":\"").raw(dice.pick(text::FIRST_NAMES));
            writer.raw("\"},\"to\":{\"name\":\"Acme\",\"address\":\"support@acme.example\"},\"rel\":null}}")
        }
        1 => writer.raw(",\"via\":{\"channel\":\"web\",\"source\":{\"from\":{},\"to\":{},\"rel\":null}}"),
        _ => writer.raw(",\"via\":{\"channel\":\"api\",\"source\":{\"from\":{},\"to\":{},\"rel\":null}}"),
    };
}

fn people(writer: &mut Writer<'_>, plan: &Plan, facts: &Facts, dice: &mut Dice) {
    writer.raw(",\"recipient\":\"support@acme.example\",\"requester_id\":").number(facts.requester);
    writer.raw(",\"submitter_id\":").number(facts.requester).raw(",\"assignee_id\":");
    match facts.status {
        "new" => writer.raw("null"),
        _ => writer.number(plan.any_agent(dice.number())),
    };
    writer.raw(",\"organization_id\":");
    match dice.once_in(5) {
        true => writer.raw("null"),
        false => writer.number(ORGANIZATIONS + dice.below(200)),
    };
    let follower = plan.any_agent(dice.number());
    writer
        .raw(",\"group_id\":")
        .number(GROUPS + dice.below(8))
        .raw(",\"collaborator_ids\":[")
        .number(follower);
    writer.raw("],\"follower_ids\":[").number(follower).raw("],\"email_cc_ids\":[],\"problem_id\":null");
    writer.raw(",\"has_incidents\":false,\"due_at\":null");
}

fn fields(writer: &mut Writer<'_>, dice: &mut Dice) {
    writer.raw(",\"tags\":[\"").raw(text::TAGS[usize::try_from(dice.below(8)).expect("below 8")]);
    writer
        .raw("\",\"")
        .raw(text::TAGS[8 + usize::try_from(dice.below(8)).expect("below 8")])
        .raw("\"],\"custom_fields\":[{\"id\":");
    writer
        .number(FIELDS)
        .raw(",\"value\":\"")
        .raw(dice.pick(text::PLANS))
        .raw("\"},{\"id\":")
        .number(FIELDS + 1);
    match dice.once_in(3) {
        true => writer.raw(",\"value\":null},{\"id\":"),
        false => writer.raw(",\"value\":\"").number(dice.below(100_000)).raw("\"},{\"id\":"),
    };
    writer
        .number(FIELDS + 2)
        .raw(",\"value\":")
        .raw(if dice.once_in(2) { "true" } else { "false" })
        .raw("}]");
}

fn tail(writer: &mut Writer<'_>, dice: &mut Dice) {
    match dice.once_in(6) {
        true => writer
            .raw(",\"satisfaction_rating\":{\"id\":")
            .number(dice.below(1 << 40))
            .raw(",\"score\":\"good\",\"comment\":\"Schnell & freundlich 👍\"}"),
        false => writer.raw(",\"satisfaction_rating\":{\"score\":\"unoffered\"}"),
    };
    writer.raw(",\"sharing_agreement_ids\":[],\"custom_status_id\":").number(STATUSES + dice.below(6));
    writer
        .raw(",\"ticket_form_id\":")
        .number(FORMS + dice.below(3))
        .raw(",\"brand_id\":")
        .number(BRANDS + dice.below(2));
    writer.raw(",\"allow_attachments\":true}");
}
