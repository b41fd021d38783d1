//! The words of the made-up data, written as the inside of JSON strings.

pub(super) const SUBJECTS: &[&str] = &[
    "Help, my printer is on fire!",
    "Cannot sign in since the update",
    "Rechnung für März fehlt – bitte prüfen",
    "Where is my order?",
    "プリンターの調子が悪いです",
    "The \\\"Export\\\" button does nothing",
    "Réinitialisation du mot de passe impossible",
    "Refund for a cancelled subscription",
    "App crashes on start 🔥🖨️",
    "Не приходит письмо с подтверждением",
    "Question about the annual plan",
    "الفاتورة غير صحيحة",
    "Two-factor code is never accepted",
    "Dashboard shows yesterday's numbers",
    "Zu langsam: Suche dauert über 30 s",
    "退款申请一直没有回复",
    "Webhook delivers every event twice",
    "Please change our billing address",
    "Attachment larger than 20 MB is refused",
    "C:\\\\temp fills up after each run",
];

pub(super) const SENTENCES: &[&str] = &[
    "It worked yesterday, and nothing was changed on our side in the meantime.",
    "Since this morning every attempt ends with the same message.",
    "I have tried another browser and another computer, without success.",
    "The customer is waiting for an answer, so please treat this as urgent.",
    "Wir haben den Rechner schon zweimal neu gestartet, leider ohne Erfolg.",
    "See the attached screenshot; the red text at the bottom is what I mean.",
    "Only one of our three locations seems to be affected.",
    "The log says \\\"connection reset by peer\\\" about ten times a minute.",
    "Could you tell us when this will be mended?",
    "Merci de bien vouloir nous répondre avant vendredi.",
    "Our order number is 2024-118-774, placed by phone.",
    "Everything else on the page loads as it should.",
    "いつもお世話になっております。至急ご確認ください。",
    "We had the same trouble in spring, and back then a reset helped.",
    "If you need more details, I am at my desk until five o'clock.",
    "Thank you for your help so far — it is much appreciated 🙏",
];

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Björn",
    "Chloé",
    "Dmitri",
    "Emeka",
    "Fátima",
    "Grace",
    "Hiroshi",
    "Ingrid",
    "João",
    "Katarzyna",
    "Linh",
    "Māris",
    "Noor",
    "Øyvind",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Tuğçe",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Abe",
    "Brontë",
    "Castillo",
    "Dvořák",
    "Eriksen",
    "Fernández",
    "García",
    "Huang",
    "Ibrahim",
    "Jansen",
    "Kowalski",
    "Lovelace",
    "Müller",
    "Nguyễn",
    "O'Brien",
    "Petrov",
    "Quirk",
    "Rossi",
    "Schäfer",
    "Tanaka",
];

pub(super) const TAGS: &[&str] = &[
    "billing",
    "bug",
    "enterprise",
    "export",
    "first_contact",
    "login",
    "mobile",
    "onboarding",
    "printer",
    "refund",
    "sla_gold",
    "trial",
    "urgent_fix",
    "vip",
    "webhook",
    "zgłoszenie",
];

pub(super) const TYPES: &[&str] = &["\"question\"", "\"incident\"", "\"problem\"", "\"task\"", "null"];
pub(super) const PRIORITIES: &[&str] = &["\"low\"", "\"normal\"", "\"high\"", "\"urgent\"", "null"];
/// By the last digit of the id, so that tests know which tickets are open and which
/// are closed: 0 and 5 are closed, 4 and 9 solved, 2 new.
pub(super) const STATUSES: [&str; 10] =
    ["closed", "open", "new", "pending", "solved", "closed", "hold", "open", "pending", "solved"];
pub(super) const PLANS: &[&str] = &["plan_free", "plan_team", "plan_business", "plan_enterprise"];
pub(super) const ZONES: &[(&str, &str)] = &[
    ("Berlin", "Europe/Berlin"),
    ("London", "Europe/London"),
    ("Pacific Time (US & Canada)", "America/Los_Angeles"),
    ("Tokyo", "Asia/Tokyo"),
    ("Kyiv", "Europe/Kyiv"),
];
pub(super) const LOCALES: &[(&str, u64)] =
    &[("en-US", 1), ("de", 8), ("fr", 16), ("ja", 67), ("en-GB", 1176)];
