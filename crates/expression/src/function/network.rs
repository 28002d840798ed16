//! IP addresses and ranges of them.

use std::net::IpAddr;

use super::{Form, Row, no_overload, text};
use crate::eval::{Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("ip", Form::Global, &[1], |meter, values| {
        let text = text("ip", values, 0)?;
        meter.read(text.len())?;
        address(text).map(Value::Ip)
    }),
    ("isIP", Form::Global, &[1], |meter, values| {
        let text = text("isIP", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::Bool(parse_address(text).is_some()))
    }),
    ("ip.isCanonical", Form::Global, &[1], |meter, values| {
        let text = text("ip.isCanonical", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::Bool(address(text)?.to_string() == text))
    }),
    ("family", Form::Receiver, &[0], |_, values| {
        Ok(Value::Int(if receiver("family", values)?.is_ipv4() { 4 } else { 6 }))
    }),
    ("isUnspecified", Form::Receiver, &[0], |_, values| {
        is("isUnspecified", values, |ip| ip.is_unspecified())
    }),
    ("isLoopback", Form::Receiver, &[0], |_, values| {
        is("isLoopback", values, |ip| ip.is_loopback())
    }),
    ("isLinkLocalMulticast", Form::Receiver, &[0], |_, values| {
        is("isLinkLocalMulticast", values, |ip| match ip {
            IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
            IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
        })
    }),
    ("isLinkLocalUnicast", Form::Receiver, &[0], |_, values| {
        is("isLinkLocalUnicast", values, is_link_local)
    }),
    ("isGlobalUnicast", Form::Receiver, &[0], |_, values| {
        is("isGlobalUnicast", values, |ip| {
            let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
            !(is_broadcast || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local(ip))
        })
    }),
    ("cidr", Form::Global, &[1], |meter, values| {
        let text = text("cidr", values, 0)?;
        meter.read(text.len())?;
        range(text).map(Value::Cidr)
    }),
    ("isCIDR", Form::Global, &[1], |meter, values| {
        let text = text("isCIDR", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::Bool(Cidr::parse(text).is_some()))
    }),
    ("containsIP", Form::Receiver, &[1], |_, values| {
        match (&values[0], &values[1]) {
            (Value::Cidr(cidr), Value::Ip(ip)) => Ok(Value::Bool(cidr.holds(*ip))),
            (Value::Cidr(cidr), Value::String(text)) => Ok(Value::Bool(cidr.holds(address(text)?))),
            _ => no_overload("containsIP", values),
        }
    }),
    ("containsCIDR", Form::Receiver, &[1], |_, values| {
        let (whole, part) = match (&values[0], &values[1]) {
            (Value::Cidr(whole), Value::Cidr(part)) => (*whole, *part),
            (Value::Cidr(whole), Value::String(text)) => (*whole, range(text)?),
            _ => return no_overload("containsCIDR", values),
        };
        Ok(Value::Bool(whole.bits <= part.bits && whole.holds(part.address)))
    }),
    ("ip", Form::Receiver, &[0], |_, values| match &values[0] {
        Value::Cidr(cidr) => Ok(Value::Ip(cidr.address)),
        _ => no_overload("ip", values),
    }),
    ("masked", Form::Receiver, &[0], |_, values| match &values[0] {
        Value::Cidr(cidr) => Ok(Value::Cidr(Cidr {
            address: mask(cidr.address, cidr.bits),
            bits: cidr.bits,
        })),
        _ => no_overload("masked", values),
    }),
    ("prefixLength", Form::Receiver, &[0], |_, values| match &values[0] {
        Value::Cidr(cidr) => Ok(Value::Int(i64::from(cidr.bits))),
        _ => no_overload("prefixLength", values),
    }),
];

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`; bits after the mask may be set.
    fn parse(text: &str) -> Option<Cidr> {
        let (address, bits) = text.split_once('/')?;
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || (bits.len() > 1 && bits.starts_with('0')) {
            return None;
        }
        let address = parse_address(address)?;
        let bits: u8 = bits.parse().ok()?;
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some(Cidr { address, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && mask(self.address, self.bits) == mask(address, self.bits)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & kept).into())
        }
        IpAddr::V6(ip) => {
            let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & kept).into())
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Neither zones nor IPv4 in IPv6 are taken.
fn parse_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let is_mapped = matches!(address, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    (!is_mapped).then_some(address)
}

fn address(text: &str) -> Result<IpAddr> {
    parse_address(text).map_or_else(
        || {
            fail(format!(
                "IP Address \"{text}\" parse error during conversion from string"
            ))
        },
        Ok,
    )
}

fn range(text: &str) -> Result<Cidr> {
    Cidr::parse(text).map_or_else(
        || {
            fail(format!(
                "network address parse error during conversion from string: \"{text}\""
            ))
        },
        Ok,
    )
}

fn receiver(name: &str, values: &[Value]) -> Result<IpAddr> {
    match values[0] {
        Value::Ip(ip) => Ok(ip),
        _ => no_overload(name, values),
    }
}

fn is(name: &str, values: &[Value], test: fn(IpAddr) -> bool) -> Result {
    Ok(Value::Bool(test(receiver(name, values)?)))
}
