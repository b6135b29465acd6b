//! What the flags say about handshakes, as the configurations of an endpoint.

use crate::Failure;
use crate::flags::Part;
use crate::proto::{
    ClientConfig, ClientPsk, Credentials, Limits, PeerAuthentication, ServerConfig, Settings, Suite, TrustAnchors,
    Version, Versions, Wishes,
};
use std::fs;
use std::time::Duration;

const DTLS_1_0: u64 = 0xfeff;
const DTLS_1_2: u64 = 0xfefd;
const DTLS_1_3: u64 = 0xfefc;

/// RFC 7250.
const RAW_PUBLIC_KEY: u16 = 2;

/// Longer than any test passes time.
pub(crate) const EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// BoringSSL's timers, which the runner expects.
const FIRST_INTERVAL: u64 = 400;
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// BoringSSL's packets are as long: the length of an Ethernet frame less the headers of IP and UDP.
const MTU: u64 = 1472;

pub(crate) fn limits() -> Limits {
    Limits {
        handshake_timeout: EVER,
        stalled_handshake_timeout: EVER,
        idle_timeout: None,
        hibernate_after: None,
        handshakes: 10,
        handshakes_per_address: 10,
        connections: 10,
        evicts_idle: false,
        connections_per_address: None,
        address_questions: 0,
        address_questions_per_second: 1,
    }
}

pub(crate) fn server(part: &Part<'_>) -> Result<ServerConfig, Failure> {
    let clients = (part.has("verify-peer") || part.has("require-any-client-certificate")).then(|| peer(part));
    let settings = settings(part)?;
    ServerConfig::new(&settings, credentials(part)?, part.has("psk"), clients.transpose()?).map_err(refused)
}

pub(crate) fn client(part: &Part<'_>) -> Result<ClientConfig, Failure> {
    let identity = part.value("psk-identity").unwrap_or_default();
    let psk = part.value("psk").map(|key| ClientPsk::new(identity.as_bytes(), key.as_bytes()));
    let psk = psk.transpose().map_err(refused)?;
    ClientConfig::new(&settings(part)?, psk, Some(peer(part)?), credentials(part)?).map_err(refused)
}

/// A configuration that this project cannot have is none that it could be tested in.
fn refused(error: impl std::fmt::Debug) -> Failure {
    Failure::Unimplemented(format!("a configuration: {error:?}"))
}

fn unimplemented(what: &str, value: impl std::fmt::Display) -> Failure {
    Failure::Unimplemented(format!("{what} {value}"))
}

fn settings(part: &Part<'_>) -> Result<Settings, Failure> {
    let first_interval = part.number("initial-timeout-duration-ms")?.unwrap_or(FIRST_INTERVAL);
    let mtu = part.number("mtu")?.unwrap_or(MTU);
    Ok(Settings {
        ciphers: part.value("cipher").map(ciphers).transpose()?,
        wishes: wishes(part)?,
        revocations: None,
        first_interval: Duration::from_millis(first_interval),
        longest_interval: LONGEST_INTERVAL,
        mtu: u16::try_from(mtu)?,
    })
}

fn ciphers(list: &str) -> Result<Vec<String>, Failure> {
    let name = |name: &str| Suite::from_name(name).map(|suite| suite.name().to_owned());
    list.split(':').map(|each| name(each).ok_or_else(|| unimplemented("the suite", each))).collect()
}

fn wishes(part: &Part<'_>) -> Result<Wishes, Failure> {
    let curves = part.numbers("curves")?.into_iter().map(curve).collect::<Result<Vec<_>, _>>()?;
    let (verified, signed) = (part.numbers("verify-prefs")?, part.numbers("signing-prefs")?);
    if !verified.is_empty() && !signed.is_empty() && verified != signed {
        return Err(unimplemented("signatures", "that are made, and others that are accepted"));
    }
    let schemes = if verified.is_empty() { signed } else { verified };
    let schemes = schemes.into_iter().map(scheme).collect::<Result<Vec<_>, _>>()?;
    let profiles = part.value("srtp-profiles").map(|names| names.split(':').map(str::to_owned).collect());
    Ok(Wishes {
        curves: (!curves.is_empty()).then_some(curves),
        signature_algorithms: (!schemes.is_empty()).then_some(schemes),
        protocols: part.value("advertise-alpn").map(protocols).unwrap_or_default(),
        srtp_profiles: profiles.unwrap_or_default(),
        // BoringSSL's shim gives its own identity away as its hint.
        psk_hint: part.value("psk-identity").filter(|_| part.has("server")).unwrap_or_default().as_bytes().to_vec(),
        versions: versions(part)?,
        ..Wishes::default()
    })
}

/// The names in a list of RFC 7301.
fn protocols(list: &str) -> Vec<Vec<u8>> {
    let (mut rest, mut names) = (list.as_bytes(), Vec::new());
    while let Some((&length, more)) = rest.split_first()
        && let Some((name, more)) = more.split_at_checked(length.into())
    {
        names.push(name.to_vec());
        rest = more;
    }
    names
}

fn curve(number: u16) -> Result<String, Failure> {
    let names = [(23, "P-256"), (24, "P-384"), (25, "P-521"), (29, "X25519"), (4588, "X25519MLKEM768")];
    let name = names.iter().find(|(of, _)| *of == number).map(|(_, name)| (*name).to_owned());
    name.ok_or_else(|| unimplemented("the group", number))
}

fn scheme(number: u16) -> Result<String, Failure> {
    let names = [
        (0x0403, "ecdsa_secp256r1_sha256"),
        (0x0503, "ecdsa_secp384r1_sha384"),
        (0x0603, "ecdsa_secp521r1_sha512"),
        (0x0401, "rsa_pkcs1_sha256"),
        (0x0501, "rsa_pkcs1_sha384"),
        (0x0601, "rsa_pkcs1_sha512"),
        // In DTLS 1.3, the names of RSA stand for these.
        (0x0804, "rsa_pkcs1_sha256"),
        (0x0805, "rsa_pkcs1_sha384"),
        (0x0806, "rsa_pkcs1_sha512"),
    ];
    let name = names.iter().find(|(of, _)| *of == number).map(|(_, name)| (*name).to_owned());
    name.ok_or_else(|| unimplemented("the signature", format!("{number:#06x}")))
}

/// The runner's own default is every version from DTLS 1.0 on.
fn versions(part: &Part<'_>) -> Result<Versions, Failure> {
    let oldest = part.number("min-version")?.unwrap_or(DTLS_1_0);
    let newest = part.number("max-version")?.unwrap_or(DTLS_1_3);
    let is_wanted = |number: u64, excluded: &str| (newest..=oldest).contains(&number) && !part.has(excluded);
    match (is_wanted(DTLS_1_2, "no-tls12"), is_wanted(DTLS_1_3, "no-tls13")) {
        (true, true) => Ok(Versions { oldest: Version::Dtls12, newest: Version::Dtls13 }),
        (true, false) => Ok(Versions { oldest: Version::Dtls12, newest: Version::Dtls12 }),
        (false, true) => Ok(Versions { oldest: Version::Dtls13, newest: Version::Dtls13 }),
        (false, false) => Err(unimplemented("the version", format!("{oldest:#06x} to {newest:#06x}"))),
    }
}

fn credentials(part: &Part<'_>) -> Result<Option<Credentials>, Failure> {
    let keys: Vec<_> = part.all("key-file").collect();
    let certificates: Vec<_> = part.all("cert-file").collect();
    let read = |path: &str| fs::read(path).map_err(Failure::from);
    match (keys.as_slice(), certificates.as_slice()) {
        ([], _) => Ok(None),
        ([key], []) => Ok(Some(Credentials::parse_raw(&read(key)?, None).map_err(refused)?)),
        ([key], [certificate]) => {
            let certificate = read(certificate)?;
            Ok(Some(Credentials::parse(&read(key)?, None, &[certificate]).map_err(refused)?))
        }
        _ => Err(unimplemented("credentials:", keys.len())),
    }
}

/// BoringSSL's shim accepts whatever its peer shows, unless it is told otherwise.
fn peer(part: &Part<'_>) -> Result<PeerAuthentication, Failure> {
    let anchors = part.value("trust-cert").filter(|path| !path.is_empty()).map(fs::read).transpose()?;
    let anchors = anchors.map(|anchors| TrustAnchors::shared(&[anchors])).transpose().map_err(refused)?;
    let accepted = part.numbers("accepted-peer-cert-types")?;
    let accepts_raw = accepted.contains(&RAW_PUBLIC_KEY);
    let required = part.has("require-any-client-certificate") || !accepted.is_empty();
    Ok(PeerAuthentication {
        trust_anchors: anchors.filter(|_| accepted.is_empty() || accepted.iter().any(|kind| *kind != RAW_PUBLIC_KEY)),
        servername: part.value("host-name").map(str::to_owned),
        leaves_name: true,
        public_keys: accepts_raw.then(Vec::new),
        required,
        asks: true,
        allows_omission: false,
    })
}
