//! When a certificate ends (RFC 5280 section 4.1.2.5), read from its DER. Whether it is good is for others to judge.

use super::public_key::element;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Explicitly tagged; certificates of version 1 do not say it.
const VERSION: u8 = 0xa0;

/// Seconds since 1970; `None` for what is no certificate.
pub(crate) fn end_of(certificate: &[u8]) -> Option<u64> {
    let (certificate, []) = element(certificate, SEQUENCE)? else { return None };
    let (mut rest, _signature) = element(certificate, SEQUENCE)?;
    if let Some((_, behind)) = element(rest, VERSION) {
        rest = behind;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_begin, rest) = time(validity)?;
    let (end, []) = time(rest)? else { return None };
    Some(end)
}

/// The time that begins here, and what follows it.
fn time(der: &[u8]) -> Option<(u64, &[u8])> {
    if let Some((digits, rest)) = element(der, UTC_TIME) {
        let ([high, low], digits) = digits.split_first_chunk()?;
        let year = number(&[*high, *low])?;
        // Two digits from 50 on are of the last century.
        return Some((seconds(if year < 50 { 2000 } else { 1900 } + year, digits)?, rest));
    }
    let (digits, rest) = element(der, GENERALIZED_TIME)?;
    let (year, digits) = digits.split_first_chunk::<4>()?;
    Some((seconds(number(year)?, digits)?, rest))
}

/// From a year and `MMDDHHMMSSZ`. What is before 1970 is 0.
fn seconds(year: u64, digits: &[u8]) -> Option<u64> {
    let (pairs, [b'Z']) = digits.as_chunks::<2>() else { return None };
    let [month, day, hour, minute, second] = *pairs else { return None };
    let [month, day] = [number(&month)?, number(&day)?];
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let within = (number(&hour)? * 60 + number(&minute)?) * 60 + number(&second)?;
    Some((days(year, month, day) * 86_400 + within) * u64::from(year >= 1970))
}

/// Since 1970, of a year from then on. A year that begins in March ends with its leap day.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let (of_years, of_months) = (year * 365 + year / 4 - year / 100 + year / 400, (153 * month + 2) / 5);
    (of_years + of_months + day - 1).saturating_sub(719_468)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let key = KeyPair::generate().unwrap();
        // With two digits of the year, and with four.
        for (year, month, day, end) in [
            (1971, 1, 1, 31_536_000),
            (2024, 2, 29, 1_709_164_800),
            (2026, 11, 29, 1_795_910_400),
            (2049, 12, 31, 2_524_521_600),
            (2050, 1, 1, 2_524_608_000),
            (2100, 3, 1, 4_107_542_400),
            (9999, 12, 31, 253_402_214_400),
        ] {
            let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, month, day);
            let der = params.self_signed(&key).unwrap().der().to_vec();
            assert_eq!(end_of(&der), Some(end), "{year}");
            for length in 0..der.len() {
                assert_eq!(end_of(&der[..length]), None);
            }
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let utc = |digits: &[u8]| time(&[&[UTC_TIME, digits.len() as u8], digits].concat()).map(|(time, _)| time);
        assert_eq!(utc(b"700101000001Z"), Some(1));
        assert_eq!(utc(b"691231235959Z"), Some(0));
        for digits in [
            &b""[..],
            b"7",
            b"70",
            b"700101000001",
            b"7001010000Z",
            b"70010100000Z",
            b"70010100000xZ",
            b"700001000001Z",
            b"701301000001Z",
            b"700100000001Z",
            b"700132000001Z",
            b"700101000001+0100",
        ] {
            assert_eq!(utc(digits), None, "{digits:?}");
        }
    }
}
