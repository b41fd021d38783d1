//! Which layout the rows have, and the way from an older one to today's.
//!
//! The layout's number stands in the store. It is checked before anything else is
//! read: a newer one is refused, an older one is brought up step by step.

use super::engine::{Engine, Range, Want};
use super::walk::get;
use super::{Batch, Error, Result, ended, keys};

/// Today's layout.
const FORMAT: u32 = 3;

/// The way to today's layout, oldest step first. The first layout needs none; the second one
/// lists ended runs by connector; the third one has tables that an older host would not
/// know.
const STEPS: &[Step] = &[Step { from: 1, run: ended::list_all }, Step { from: 2, run: |_| Ok(()) }];

/// The way from one layout to the next.
struct Step {
    /// The layout that it leaves; the next number is what it makes.
    from: u32,
    /// Rewrites the rows. It may be killed and run again, so it has to cope with
    /// rows that are rewritten already.
    run: fn(&dyn Engine) -> Result<()>,
}

/// Makes sure that the rows have today's layout.
///
/// # Errors
/// [`Error::NewerFormat`] where only a newer version can read them.
pub(super) fn check(engine: &dyn Engine) -> Result<()> {
    migrate(engine, FORMAT, STEPS)
}

fn migrate(engine: &dyn Engine, newest: u32, steps: &[Step]) -> Result<()> {
    let Some(mut format) = read(engine)? else {
        return begin(engine, newest);
    };
    if format > newest {
        return Err(Error::NewerFormat);
    }
    while format < newest {
        let step = steps.iter().find(|step| step.from == format).ok_or_else(unknown)?;
        tracing::info!(from = format, to = format + 1, "the stored data is brought to a newer layout");
        (step.run)(engine)?;
        write(engine, Some(format), format + 1)?;
        format += 1;
    }
    Ok(())
}

/// Numbers an empty store. One with rows and no number is not ours.
fn begin(engine: &dyn Engine, newest: u32) -> Result<()> {
    if engine.scan(Range::all(), 1, Want::Keys)?.is_empty() {
        write(engine, None, newest)
    } else {
        Err(unknown())
    }
}

/// The number is text, so that every version past and to come can read it.
fn read(engine: &dyn Engine) -> Result<Option<u32>> {
    let Some(text) = get(engine, keys::format())? else {
        return Ok(None);
    };
    let number = str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(unknown)
}

fn write(engine: &dyn Engine, before: Option<u32>, after: u32) -> Result<()> {
    let mut batch = Batch::new();
    match before {
        Some(before) => batch.expect_value(keys::format(), before.to_string().into_bytes()),
        None => batch.expect_absent(keys::format()),
    }
    batch.put(keys::format(), after.to_string().into_bytes());
    engine.commit(batch)?;
    engine.flush()
}

fn unknown() -> Error {
    Error::Corrupt("the number of the layout".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    fn put(engine: &dyn Engine, key: &[u8], value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(key.to_vec(), value.to_vec());
        engine.commit(batch).expect("memory");
    }

    fn value(engine: &dyn Engine, key: &[u8]) -> String {
        let value = get(engine, key.to_vec()).expect("memory").expect("there");
        String::from_utf8(value.to_vec()).expect("text")
    }

    const TWO_STEPS: &[Step] = &[
        Step {
            from: 1,
            run: |engine| {
                put(engine, b"x", b"of 2");
                Ok(())
            },
        },
        Step {
            from: 2,
            run: |engine| {
                assert_eq!(value(engine, b"x"), "of 2", "steps go in their order");
                put(engine, b"x", b"of 3");
                Ok(())
            },
        },
    ];

    #[test]
    fn empty_store_gets_todays_number() {
        let engine = Memory::default();
        check(&engine).expect("empty");
        assert_eq!(value(&engine, &keys::format()), FORMAT.to_string());
        check(&engine).expect("todays");
    }

    #[test]
    fn older_store_is_brought_up_step_by_step() {
        let engine = Memory::default();
        put(&engine, &keys::format(), b"1");
        migrate(&engine, 3, TWO_STEPS).expect("there is a way");
        assert_eq!(value(&engine, b"x"), "of 3");
        assert_eq!(value(&engine, &keys::format()), "3");
    }

    #[test]
    fn killed_migration_goes_on_at_the_step_that_was_not_done() {
        let engine = Memory::default();
        put(&engine, &keys::format(), b"2");
        put(&engine, b"x", b"of 2");
        migrate(&engine, 3, TWO_STEPS).expect("there is a way");
        assert_eq!(value(&engine, b"x"), "of 3");
    }

    #[test]
    fn failed_step_leaves_the_number() {
        let engine = Memory::default();
        put(&engine, &keys::format(), b"1");
        let steps = [Step { from: 1, run: |_| Err(Error::Expectation) }];
        assert!(migrate(&engine, 2, &steps).is_err());
        assert_eq!(value(&engine, &keys::format()), "1");
    }

    #[test]
    fn newer_store_is_refused_and_untouched() {
        let engine = Memory::default();
        put(&engine, &keys::format(), b"7");
        assert!(matches!(check(&engine), Err(Error::NewerFormat)));
        assert_eq!(value(&engine, &keys::format()), "7");
    }

    #[test]
    fn store_without_a_way_is_refused() {
        let check_refused = |key: &[u8], bytes: &[u8]| {
            let engine = Memory::default();
            put(&engine, key, bytes);
            assert!(matches!(check(&engine), Err(Error::Corrupt(_))), "{key:?} {bytes:?}");
        };
        check_refused(&keys::format(), b"0");
        check_refused(&keys::format(), b"one");
        check_refused(&keys::format(), b"\xff");
        check_refused(b"somebody else's row", b"");
    }
}
