//! The proxy that the environment names for a URL, in the variables that `curl` and Go read.

use ureq::Proxy;

/// The proxy for a URL, if there is one.
pub(crate) fn of(url: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let exceptions = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    if is_local(host) || exceptions.split(',').any(|exception| covers(exception.trim(), host)) {
        return None;
    }
    let named = if scheme.eq_ignore_ascii_case("https") {
        set("https_proxy").or_else(|| set("HTTPS_PROXY"))
    } else {
        set("http_proxy").or_else(|| set("HTTP_PROXY"))
    };
    let named = named.or_else(|| set("all_proxy")).or_else(|| set("ALL_PROXY"))?;
    Proxy::new(&named).ok()
}

/// This machine is never asked through a proxy, as in Go.
fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether an entry of `NO_PROXY` is for a host: its name, a domain above it, or `*`.
fn covers(exception: &str, host: &str) -> bool {
    let name = exception.trim_start_matches('.').to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    match name.as_str() {
        "" => false,
        "*" => true,
        name => host == name || host.strip_suffix(name).is_some_and(|above| above.ends_with('.')),
    }
}

#[cfg(test)]
mod tests {
    fn proxy(url: &str, set: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        super::of(url, variable).map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn a_proxy_is_chosen_by_scheme_and_host() {
        let set = [
            ("http_proxy", "http://plain:1"),
            ("HTTPS_PROXY", "http://tls:2"),
            ("NO_PROXY", "internal, .example.com"),
        ];
        assert_eq!(proxy("http://h/a", &set).as_deref(), Some("plain"));
        assert_eq!(proxy("https://h:8443/a", &set).as_deref(), Some("tls"));
        assert_eq!(proxy("https://internal/a", &set), None);
        assert_eq!(proxy("https://a.example.com/a", &set), None);
        assert_eq!(proxy("https://notexample.com/a", &set).as_deref(), Some("tls"));
        assert_eq!(proxy("http://127.0.0.1:80/a", &set), None);
        assert_eq!(
            proxy("http://h/a", &[("ALL_PROXY", "http://all:3")]).as_deref(),
            Some("all")
        );
        assert_eq!(proxy("http://h/a", &[]), None);
    }
}
