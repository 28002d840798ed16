//! Timestamps: which plain scalars go-yaml takes for one, and how encoding/json prints it.
//!
//! The formats are the four of go-yaml's resolve.go, read with the leniency of Go's time.Parse. The
//! zone is printed as it was written, so no calendar arithmetic is needed.

/// A timestamp, field by field as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    /// Minutes east of UTC.
    offset: i32,
}

impl Timestamp {
    /// Reads a timestamp in one of the formats that go-yaml knows.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        // All formats begin with a year of four digits and a hyphen.
        if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut rest = Reader(&bytes[5..]);
        let year = bytes[..4]
            .iter()
            .fold(0, |year, digit| year * 10 + u16::from(digit - b'0'));
        let month = rest.number()?;
        rest.literal(b'-')?;
        let day = rest.number()?;
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(month, year) {
            return None;
        }
        let date = Timestamp {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offset: 0,
        };
        match rest.0.first() {
            None => Some(date),
            Some(b'T' | b't') => {
                rest.0 = &rest.0[1..];
                let mut time = rest.clock(date)?;
                time.offset = rest.zone()?;
                rest.0.is_empty().then_some(time)
            }
            Some(b' ') => {
                while let Some(after) = rest.0.strip_prefix(b" ") {
                    rest.0 = after;
                }
                let time = rest.clock(date)?;
                rest.0.is_empty().then_some(time)
            }
            Some(_) => None,
        }
    }

    /// The text in RFC 3339; `None` if the zone is one that encoding/json refuses.
    pub fn to_rfc3339(self) -> Option<String> {
        let Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
            offset,
        } = self;
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if nanosecond != 0 {
            let fraction = format!(".{nanosecond:09}");
            text.push_str(fraction.trim_end_matches('0'));
        }
        if offset == 0 {
            text.push('Z');
        } else {
            let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
            if hours >= 24 {
                return None;
            }
            text.push_str(&format!(
                "{}{hours:02}:{minutes:02}",
                if offset < 0 { '-' } else { '+' }
            ));
        }
        Some(text)
    }
}

/// Days of a month (1 to 12) of a year of our calendar.
pub fn days_in_month(month: u8, year: u16) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// One or two digits.
    fn number(&mut self) -> Option<u8> {
        let len = self.0.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        (len > 0).then(|| digits.iter().fold(0, |value, digit| value * 10 + (digit - b'0')))
    }

    fn clock(&mut self, date: Timestamp) -> Option<Timestamp> {
        let hour = self.number()?;
        self.literal(b':')?;
        let minute = self.number()?;
        self.literal(b':')?;
        let second = self.number()?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Timestamp {
            hour,
            minute,
            second,
            nanosecond: self.fraction(),
            ..date
        })
    }

    /// A fraction of a second; digits beyond the ninth do not count.
    fn fraction(&mut self) -> u32 {
        if self.0.len() < 2 || !matches!(self.0[0], b'.' | b',') || !self.0[1].is_ascii_digit() {
            return 0;
        }
        let len = self.0[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0[1..].split_at(len);
        self.0 = rest;
        (0..9).fold(0, |value, at| {
            value * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0'))
        })
    }

    /// `Z` or `+hh:mm`, in minutes.
    fn zone(&mut self) -> Option<i32> {
        if self.literal(b'Z').is_some() {
            return Some(0);
        }
        let (zone, rest) = self.0.split_at_checked(6)?;
        self.0 = rest;
        let two = |at: usize| {
            let digits = &zone[at..at + 2];
            digits
                .iter()
                .all(u8::is_ascii_digit)
                .then(|| i32::from(digits[0] - b'0') * 10 + i32::from(digits[1] - b'0'))
        };
        let (hours, minutes) = (two(1)?, two(4)?);
        if zone[3] != b':' || hours > 24 || minutes > 60 {
            return None;
        }
        match zone[0] {
            b'+' => Some(hours * 60 + minutes),
            b'-' => Some(-(hours * 60 + minutes)),
            _ => None,
        }
    }
}
