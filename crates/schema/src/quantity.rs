//! Kubernetes' amounts: `500m`, `2Gi`, `1e3`. The syntax is that of `resource.ParseQuantity`.

/// What is wrong with a text as an amount; `None` if it is one.
pub(crate) fn problem(text: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(unsigned);
    let rest = &unsigned[whole..];
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(after) => (digits(after), &after[digits(after)..]),
        None => (0, rest),
    };
    if whole + fraction == 0 {
        return Some("an amount begins with a number, as in 500m or 2Gi".to_owned());
    }
    let is_exponent = |suffix: &str| {
        let number = suffix.strip_prefix(['e', 'E']);
        let number = number.map(|number| number.strip_prefix(['+', '-']).unwrap_or(number));
        number.is_some_and(|number| !number.is_empty() && digits(number) == number.len())
    };
    if SUFFIXES.contains(&suffix) || is_exponent(suffix) {
        return None;
    }
    let meant = SUFFIXES.iter().find(|known| {
        let suffix = suffix.trim_start();
        known.eq_ignore_ascii_case(suffix) || known.eq_ignore_ascii_case(suffix.trim_end_matches(['b', 'B']))
    });
    Some(match meant {
        Some(meant) if !meant.is_empty() => {
            let number = &text[..text.len() - suffix.len()];
            format!("\"{suffix}\" is no unit; write {number}{meant}")
        }
        _ => format!("\"{suffix}\" is no unit; units are m, k, M, G, T, P, E and Ki, Mi, Gi, Ti, Pi, Ei"),
    })
}

/// Binary ones first: `2gi` and `1 Gi` mean them.
const SUFFIXES: [&str; 16] = [
    "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "k", "M", "G", "T", "P", "E", "m", "u", "n",
];

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for good in [
            "0", "1", "500m", "2Gi", "1.5", ".5", "5.", "+3k", "-1", "1e3", "1E3", "1E-3", "12E", "100u", "3n",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in [
            "", "m", "1..5", "2GB", "2gi", "1 Gi", "1e", "abc", "1K", "0x10", "--1", "Gi", "1Mi2", "٣",
        ] {
            assert!(problem(bad).is_some(), "{bad}");
        }
        assert_eq!(problem("2gi").unwrap(), "\"gi\" is no unit; write 2Gi");
        assert_eq!(problem("2GB").unwrap(), "\"GB\" is no unit; write 2G");
        assert_eq!(problem("1 Gi").unwrap(), "\" Gi\" is no unit; write 1Gi");
    }
}
