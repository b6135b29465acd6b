//! Why a server has found no cipher suite for a client: what each of the two has.

use super::curves::Curve;
use super::rules::Rules;
use crate::tls::suites::{KeyExchange, Suite};
use crate::wire::{ClientHello, Records, supported_groups};

/// Names in one list, at most: a client may offer thousands.
const NAMES_LIMIT: usize = 8;

/// Numbers in the list that are no suites: TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746), TLS_FALLBACK_SCSV (RFC 7507).
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];

/// What is missing, from the record with the ClientHello; `None` when there is none in it.
pub(super) fn explain(record: &[u8], own: impl Iterator<Item = u16> + Clone, rules: &Rules) -> Option<String> {
    let record = Records::new(record).next()?;
    let hello = ClientHello::parse(&record)?;
    // Those of DTLS 1.3 are of no use in this version.
    let is_newer = |id: &u16| Suite::of_any_version(*id).is_some_and(|suite| suite.is_of_dtls13());
    let offered = hello.parameters.suites().filter(|id| !SIGNALS.contains(id) && !is_newer(id));
    let common: Vec<u16> = own.clone().filter(|id| offered.clone().any(|offer| offer == *id)).collect();
    if common.is_empty() {
        return Some(format!(
            "The client offers no cipher suite that this server can use: the client has {}, this server has {}",
            list(offered, suite_name),
            list(own, suite_name)
        ));
    }
    let groups = supported_groups::offered(hello.extensions).unwrap_or_default();
    let has_group = rules.curves.iter().any(|curve| groups.contains(&curve.number()));
    let needs_group = common.iter().all(|&id| Suite::from_id(id).is_some_and(|s| s.key_exchange() != KeyExchange::Psk));
    let common = list(common.into_iter(), suite_name);
    if needs_group && !groups.is_empty() && !has_group {
        return Some(format!(
            "The two sides have no group for ECDHE in common: the client has {}, this server has {}. The cipher suites \
             that both have, which need one, are {common}",
            list(groups.into_iter(), group_name),
            list(rules.curves.iter().map(|curve| curve.number()), group_name)
        ));
    }
    Some(format!(
        "The two sides have cipher suites in common, and for none of them a signature algorithm and a certificate that \
         both can use: {common}"
    ))
}

fn suite_name(id: u16) -> String {
    Suite::from_id(id).map_or_else(|| format!("0x{id:04x}"), |suite| suite.openssl_name().to_owned())
}

fn group_name(number: u16) -> String {
    let curve = Curve::all().into_iter().find(|curve| curve.number() == number);
    curve.map_or_else(|| format!("group {number}"), |curve| curve.name().to_owned())
}

/// Some names and the number of the others.
fn list(ids: impl Iterator<Item = u16> + Clone, name: fn(u16) -> String) -> String {
    let names: Vec<String> = ids.clone().take(NAMES_LIMIT).map(name).collect();
    match ids.count() - names.len() {
        0 => names.join(", "),
        others => format!("{} and {others} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_eight_names_and_a_number_at_most() {
        assert_eq!(list([0x00a8, 0x1301].into_iter(), suite_name), "PSK-AES128-GCM-SHA256, 0x1301");
        assert_eq!(list(23..=24, group_name), "P-256, P-384");
        assert!(list(0..u16::MAX, group_name).ends_with(", group 7 and 65527 more"));
    }
}
