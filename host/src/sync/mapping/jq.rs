//! jq programs: compiled, and run on one payload. The only file that names jaq.
//!
//! A program sees its payload and nothing else: no other input, file, module, variable
//! of the environment or clock, and it cannot end the process. It has no bound in time
//! or memory; whoever calls it sees to that (`worker`).

use super::answer::{Answer, Problem};
use jaq_core::{
    Compiler, Ctx, Exn, Vars,
    compile::Undefined,
    data::JustLut,
    load::{self, Arena, File, Loader, lex, parse},
};
use jaq_json::Val;
use serde::de::IgnoredAny;
use std::fmt::{self, Write as _};

/// What jq has and a mapping has not. The same record has to give the same result
/// tomorrow, on another machine, and again after a crash.
const ABSENT: [&str; 10] = [
    "env",
    "now",
    "halt",
    "halt_error",
    "localtime",
    "strflocaltime",
    "input",
    "inputs",
    "input_filename",
    "stderr",
];

/// What of an error's text is shown: it may have the payload in it.
const MAX_WORDS: usize = 200;

type Data = JustLut<Val>;

/// A compiled program.
pub(super) struct Program(jaq_core::Filter<Data>);

impl Program {
    /// # Errors
    /// What is wrong with the text, and where.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>()).chain(jaq_json::funs::<Data>());
        let loader = Loader::new(defs.filter(|def| !ABSENT.contains(&def.name)));
        let arena = Arena::default();
        let program = File { code: text, path: () };
        let modules = loader.load(&arena, program).map_err(|errors| unread(text, errors))?;
        let compiler = Compiler::default().with_funs(funs.filter(|(name, ..)| !ABSENT.contains(name)));
        compiler.compile(modules).map(Self).map_err(|errors| undefined(text, errors))
    }

    /// Runs it on a payload. Its one output may have up to `most` bytes.
    pub(super) fn run(&self, payload: &[u8], most: usize) -> Answer {
        let input = match jaq_json::read::parse_single(payload) {
            Ok(input) => input,
            Err(error) => {
                return Answer::failed("mapping.input", format!("the payload is not JSON: {error}"));
            }
        };
        let ctx = Ctx::<Data>::new(&self.0.lut, Vars::new([]));
        let mut outputs = self.0.id.run((ctx, input));
        let first = match outputs.next() {
            None => return Answer::Nothing,
            Some(Err(exception)) => return Answer::Failed(told(exception)),
            Some(Ok(value)) => value,
        };
        match outputs.next() {
            None => written(&first, most),
            Some(Err(exception)) => Answer::Failed(told(exception)),
            Some(Ok(_)) => Answer::failed(
                "mapping.many",
                "the filter gives more than one value; take one with first(…), or put them into an array with […]",
            ),
        }
    }
}

fn told(exception: Exn<'_, Val>) -> Problem {
    let mut words = String::new();
    let mut short = Short { text: &mut words, most: MAX_WORDS };
    // How it ends does not matter: what is too long is cut.
    let _ = match exception.get_err().map(jaq_core::Error::into_val) {
        Ok(Val::TStr(text)) => short.write_str(&String::from_utf8_lossy(&text)),
        Ok(value) => write!(short, "{value}"),
        Err(_control) => short.write_str("it breaks out of a label that is not there"),
    };
    Problem::new("mapping.filter", format!("the filter fails: {words}"))
}

fn written(value: &Val, most: usize) -> Answer {
    let mut text = String::new();
    if write!(Short { text: &mut text, most }, "{value}").is_err() {
        return Answer::failed("mapping.size", format!("the filter gives more than {most} bytes"));
    }
    if serde_json::from_str::<IgnoredAny>(&text).is_err() {
        let words = "the filter gives something that JSON cannot say: a number that is none or endless, bytes, \
                     an object whose keys are not texts, or a value that is nested too deep";
        return Answer::failed("mapping.output", words);
    }
    Answer::Value(text.into())
}

/// Writes up to a bound, so that a value that is shared many times within itself does
/// not become endless text.
struct Short<'a> {
    text: &'a mut String,
    most: usize,
}

impl fmt::Write for Short<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.most - self.text.len();
        if part.len() > room {
            self.text.push_str(&part[..part.floor_char_boundary(room)]);
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}

/// Why the text is no program.
fn unread(text: &str, errors: load::Errors<&str, ()>) -> String {
    let words = errors.into_iter().flat_map(|(_file, error)| match error {
        load::Error::Io(parts) => words(parts, |(part, _)| {
            format!("{}: a mapping has no other files: leave out `include` and `import`", place(text, part))
        }),
        load::Error::Lex(parts) => words(parts, |(expected, found): lex::Error<&str>| {
            format!("{}: {} expected", place(text, found), expected.as_str())
        }),
        load::Error::Parse(parts) => words(parts, |(expected, found): parse::Error<&str>| {
            format!("{}: {} expected", place(text, found), expected.as_str())
        }),
    });
    first(words)
}

/// Why the program cannot be run.
fn undefined(text: &str, errors: load::Errors<&str, (), Vec<(&str, Undefined)>>) -> String {
    let words = errors.into_iter().flat_map(|(_file, unknown)| {
        words(unknown, |(name, kind)| {
            let place = place(text, name);
            let is_absent = ABSENT.contains(&name) || name == "$ENV";
            match is_absent {
                true => format!("{place}: `{name}` is left out: a mapping sees its record and nothing else"),
                false => format!("{place}: there is no {} `{name}`", kind.as_str()),
            }
        })
    });
    first(words)
}

fn words<T>(parts: Vec<T>, word: impl Fn(T) -> String) -> Vec<String> {
    parts.into_iter().map(word).collect()
}

/// The first one says most; what follows may follow from it.
fn first(mut words: impl Iterator<Item = String>) -> String {
    words.next().unwrap_or_else(|| "the filter cannot be understood".into())
}

/// `line 2, column 5`: where `part`, which is a part of `text`, begins.
fn place(text: &str, part: &str) -> String {
    let at = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    // Of an end that came too early nothing is left.
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &str, payload: &str, expected: &str) {
        let answer = match Program::compile(program) {
            Ok(program) => match program.run(payload.as_bytes(), 100) {
                Answer::Value(bytes) => String::from_utf8(bytes).unwrap(),
                Answer::Nothing => "nothing".to_owned(),
                Answer::Failed(Problem { code, message }) => format!("{code}: {message}"),
                Answer::TooSlow => "too slow".to_owned(),
            },
            Err(words) => words,
        };
        assert_eq!(answer, expected, "{program}");
    }

    #[test]
    fn a_program_maps_a_payload() {
        check(".", r#"{"b":1.50,"a":[null]}"#, r#"{"b":1.50,"a":[null]}"#);
        check(".", "123456789012345678901234567890", "123456789012345678901234567890");
        check(
            "{id: .key, name: (.first + \" \" + .last)}",
            r#"{"key":7,"first":"A","last":"B"}"#,
            r#"{"id":7,"name":"A B"}"#,
        );
        check(".tags |= map(ascii_downcase)", r#"{"tags":["A","b"]}"#, r#"{"tags":["a","b"]}"#);
        check("def f: . + 1; f | f", "1", "3");
        check("sub(\"^re: \"; \"\"; \"i\")", r#""RE: hello""#, r#""hello""#);
        check(".at |= fromdate", r#"{"at":"2015-03-05T23:51:47Z"}"#, r#"{"at":1425599507}"#);
        check("@base64", r#""a""#, r#""YQ==""#);
        check("select(.a)", r#"{"a":false}"#, "nothing");
        check(".. |= (numbers |= . + 1)? // .", "1", "2");
    }

    #[test]
    fn a_program_that_fails_says_so() {
        check(".a.b", r#"{"a":1}"#, "mapping.filter: the filter fails: cannot index 1 with \"b\"");
        check("error(\"no key\")", "1", "mapping.filter: the filter fails: no key");
        check(
            ".[]",
            "[1,2]",
            "mapping.many: the filter gives more than one value; take one with first(…), or put them into an array with […]",
        );
        check("\"x\" * 101", "1", "mapping.size: the filter gives more than 100 bytes");
        check(
            "tojson | . * 20 | error",
            "[1,2,3]",
            &format!("mapping.filter: the filter fails: {}", "[1,2,3]".repeat(20)),
        );
        check(
            "nan",
            "1",
            "mapping.output: the filter gives something that JSON cannot say: a number that is none or endless, bytes, an object whose keys are not texts, or a value that is nested too deep",
        );
    }

    #[test]
    fn long_words_of_an_error_are_cut() {
        let Answer::Failed(problem) =
            Program::compile("error").unwrap().run(format!("\"{}\"", "ü".repeat(500)).as_bytes(), 10)
        else {
            panic!("it fails")
        };
        assert_eq!(problem.message, format!("the filter fails: {}", "ü".repeat(MAX_WORDS / 2)));
    }

    #[test]
    fn a_text_that_is_no_program_is_refused_with_its_place() {
        check("", "1", "line 1, column 1: term expected");
        check(".a |", "1", "line 1, column 5: term expected");
        check(".a\n| (.b", "1", "line 2, column 6: closing parenthesis expected");
        check("foo", "1", "line 1, column 1: there is no filter `foo`");
        check(". as $x | $y", "1", "line 1, column 11: there is no variable `$y`");
        check(
            "include \"a\"; .",
            "1",
            "line 1, column 10: a mapping has no other files: leave out `include` and `import`",
        );
    }

    #[test]
    fn a_program_sees_nothing_but_its_payload() {
        for name in
            ["env", "now", "halt", "localtime", "input", "inputs", "input_filename", "$ENV", "halt_error"]
        {
            let words =
                format!("line 1, column 1: `{name}` is left out: a mapping sees its record and nothing else");
            check(name, "1", &words);
        }
        check("debug", "1", "1");
    }
}
