//! Writing JSON by hand, fast.

/// A text of JSON in the making.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    /// These characters, as they are.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// A number.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[start..]);
        self
    }

    /// A time in quotes, as `"2024-05-01T10:22:33Z"`.
    pub(super) fn time(&mut self, seconds: i64) -> &mut Self {
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        self.raw("\"").number(year).raw("-").two(month).raw("-").two(day).raw("T");
        self.two(of_day / 3600).raw(":").two(of_day / 60 % 60).raw(":").two(of_day % 60).raw("Z\"")
    }

    fn two(&mut self, number: i64) -> &mut Self {
        let digit =
            |number: i64| b'0' + u8::try_from(number % 10).expect("a digit of a small positive number");
        self.0.extend_from_slice(&[digit(number / 10), digit(number)]);
        self
    }
}

/// A time as the vendor writes it, without quotes.
pub(in crate::zendesk) fn time_text(seconds: i64) -> String {
    let mut bytes = Vec::with_capacity(22);
    Writer(&mut bytes).time(seconds);
    String::from_utf8(bytes).expect("only ASCII was written").trim_matches('"').to_owned()
}

/// Year, month and day of a day counted from 1970-01-01, by the proleptic Gregorian
/// calendar. Written out here because a library's formatting takes a third of the time
/// of a whole ticket; 400 years have 146,097 days, and a year is taken to begin in March.
fn date_of(day: i64) -> (u64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (u64::try_from(year).unwrap_or_default(), month, of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn times_are_written_as_a_calendar_library_writes_them() {
        let day = 86_400;
        for seconds in (0..40_000).map(|step| step * (day / 2 + 7_919)).chain([
            0,
            1_709_164_799,
            1_709_164_800,
            1_735_689_599,
        ]) {
            let expected = Timestamp::from_second(seconds).expect("in range").to_string();
            assert_eq!(time_text(seconds), expected);
        }
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 7, 10, 1_999, u64::MAX] {
            let mut bytes = Vec::new();
            Writer(&mut bytes).number(number);
            assert_eq!(bytes, number.to_string().as_bytes());
        }
    }
}
