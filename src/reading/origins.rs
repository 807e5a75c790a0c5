//! What the names of files and folders tell about their lines: service and host.
//!
//! `logs/api.access.log.2.gz` is of `api`; where the name says nothing, the folder's counts. Names
//! that a machine made are taken apart: `api-7d9f8b6c5d-x2x9k.log` is of the pod of that name, a host
//! of `api`; so is `api/api-x2x9k.log`; and `web01` and `web02` are hosts of `web`, where both are
//! there. A service that a change marker names is never taken apart. Opens no file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the path of a file tells about lines that don't tell it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The service; never empty.
    pub service: Vec<u8>,
    /// The host; empty where nothing tells it, or all files of the service would have the same.
    pub host: Vec<u8>,
}

/// The origin of each file. `known` are names of services that somebody wrote down.
pub fn origins<'p>(paths: impl Iterator<Item = &'p Path>, known: &BTreeSet<&[u8]>) -> Vec<Origin> {
    let mut origins: Vec<Origin> = paths.map(|path| origin(path, known)).collect();
    join_numbered(&mut origins, known);
    let mut hosts: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
    for origin in &origins {
        hosts
            .entry(&origin.service)
            .or_default()
            .insert(&origin.host);
    }
    let alone = |origin: &Origin| hosts[&origin.service[..]].len() == 1;
    let alone: Vec<bool> = origins.iter().map(alone).collect();
    for (origin, alone) in origins.iter_mut().zip(alone) {
        if alone {
            origin.host.clear();
        }
    }
    origins
}

/// How many names are asked, from the file's upwards.
const ASKED: usize = 3;

fn origin(path: &Path, known: &BTreeSet<&[u8]>) -> Origin {
    let mut names = path.iter().rev().map(|name| name.as_encoded_bytes());
    let file = names.next().unwrap_or_default();
    let folder = names.next().unwrap_or_default();
    let host = if says_nothing(folder) { b"" } else { folder };
    let of = |service: &[u8], host: &[u8]| Origin {
        service: service.to_vec(),
        host: host.to_vec(),
    };
    let asked = path.iter().rev().take(ASKED);
    let asked: Vec<&[u8]> = asked.map(|name| name.as_encoded_bytes()).collect();
    if let Some(service) = asked.iter().find_map(|name| written_down(name, known)) {
        return of(service, host);
    }
    if let Some((workload, pod)) = asked.iter().find_map(|name| pod(name)) {
        return of(workload, pod);
    }
    for name in asked {
        let words = words_of_service(name);
        let (Some(first), Some(last)) = (words.first(), words.last()) else {
            continue;
        };
        let above = words_of_service(folder);
        let drawn = words.get(above.len()..).unwrap_or_default();
        if name == file
            && !above.is_empty()
            && words.starts_with(&above)
            && !drawn.is_empty()
            && drawn.iter().all(|word| is_drawn(word))
        {
            let stem = place(name, first).start..place(name, last).end;
            return of(&above.join(&b'-'), &name[stem]);
        }
        return of(&words.join(&b'-'), host);
    }
    of(&without_rotation(file), host)
}

/// What all rotated parts of a log have in common whose name says nothing: `access.log.2.gz` and
/// `access-2024-04-10.log` are of `access.log`.
fn without_rotation(file: &[u8]) -> Vec<u8> {
    let words = file.split(is_separator);
    let is_rotation = |word: &[u8]| is_time_or_number(word) || PACKED.contains(&word);
    let kept: Vec<&[u8]> = words
        .filter(|word| !word.is_empty() && !is_rotation(word))
        .collect();
    match kept.is_empty() {
        true => file.to_vec(),
        false => kept.join(&b'.'),
    }
}

/// Where a part of a name lies in it.
fn place(name: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = part.as_ptr() as usize - name.as_ptr() as usize;
    start..start + part.len()
}

/// The longest begin of a name that is a known service, if what follows says nothing.
fn written_down<'n>(name: &'n [u8], known: &BTreeSet<&[u8]>) -> Option<&'n [u8]> {
    let ends = (0..name.len()).filter(|&at| is_separator(&name[at]));
    let ends = ends.chain([name.len()]).rev();
    let mut begins = ends.map(|end| name.split_at(end));
    let (service, _) = begins.find(|(begin, rest)| {
        let mut rest = rest.split(is_separator).filter(|word| !word.is_empty());
        known.contains(begin) && rest.all(says_nothing)
    })?;
    Some(service)
}

/// Makes hosts of services whose names differ in the number at the end of a word only.
fn join_numbered(origins: &mut [Origin], known: &BTreeSet<&[u8]>) {
    let mut numbered: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for origin in origins.iter().filter(|o| !known.contains(&o.service[..])) {
        if let Some(common) = without_numbers(&origin.service) {
            let all = numbered.entry(common).or_default();
            all.insert(origin.service.clone());
        }
    }
    for origin in origins {
        let common =
            without_numbers(&origin.service).filter(|_| !known.contains(&origin.service[..]));
        let Some(common) = common.filter(|common| numbered[common].len() > 1) else {
            continue;
        };
        let name = std::mem::replace(&mut origin.service, common);
        if origin.host.is_empty() {
            origin.host = name;
        }
    }
}

/// A service's name without the numbers at the ends of its words (`web01` → `web`), if there are any. `v2` is a
/// version, and no number of a machine.
fn without_numbers(service: &[u8]) -> Option<Vec<u8>> {
    let stem = |word: &[u8]| {
        let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let stem = word[..word.len() - digits].to_vec();
        match stem.as_slice() {
            [] | [b'v' | b'V'] => word.to_vec(),
            _ => stem,
        }
    };
    let words: Vec<Vec<u8>> = service.split(|&b| b == b'-').map(stem).collect();
    let common = words.join(&b'-');
    (common != service).then_some(common)
}

/// What a pod's logs are called, and the pod itself: `api-7d9f8b6c5d-x2x9k.log`; a node's links,
/// `db-0_shop_postgres-<64 digits>.log`; a node's folders, `shop_db-0_<uuid>`.
fn pod(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let parts: Vec<&[u8]> = name.split(|b| matches!(b, b'.' | b'_')).collect();
    let underscores: Vec<&[u8]> = name.split(|&b| b == b'_').collect();
    if let [pod, _, container] = underscores[..]
        && container
            .split(|b| matches!(b, b'-' | b'.'))
            .any(is_container)
    {
        return Some((workload(pod), pod));
    }
    if let [_, pod, uid] = underscores[..]
        && uid.len() == 36
        && uid.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
    {
        return Some((workload(pod), pod));
    }
    let pod = parts.into_iter().find(|part| deployment(part).is_some())?;
    Some((workload(pod), pod))
}

/// A container's id.
fn is_container(word: &[u8]) -> bool {
    word.len() == 64 && word.iter().all(u8::is_ascii_hexdigit)
}

/// What a pod is one of: its name without the hash of its template and what was drawn for it, or without
/// its number.
fn workload(pod: &[u8]) -> &[u8] {
    if let Some(workload) = deployment(pod) {
        return workload;
    }
    match split_last(pod) {
        Some((rest, last)) if last.iter().all(u8::is_ascii_digit) || is_suffix(last) => rest,
        _ => pod,
    }
}

/// `api` of `api-7d9f8b6c5d-x2x9k`.
fn deployment(pod: &[u8]) -> Option<&[u8]> {
    let (rest, suffix) = split_last(pod)?;
    let (workload, hash) = split_last(rest)?;
    let digits = hash.iter().filter(|b| b.is_ascii_digit()).count();
    let lower = |word: &[u8]| {
        word.iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let is_hash =
        (6..=10).contains(&hash.len()) && lower(hash) && (digits >= 2 || hash.iter().all(is_safe));
    (is_hash && suffix.len() == 5 && lower(suffix) && !workload.is_empty()).then_some(workload)
}

/// A name before and after its last hyphen, neither of them empty.
fn split_last(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b'-', name)?;
    let (rest, last) = (&name[..at], &name[at + 1..]);
    (!rest.is_empty() && !last.is_empty()).then_some((rest, last))
}

/// What Kubernetes draws for a pod: five of its safe characters.
fn is_suffix(word: &[u8]) -> bool {
    word.len() == 5 && word.iter().all(is_safe)
}

/// The characters that Kubernetes draws names from, lest they make words (apimachinery's `rand.SafeEncodeString`).
fn is_safe(byte: &u8) -> bool {
    b"bcdfghjklmnpqrstvwxz2456789".contains(byte)
}

/// Whether a word looks like a machine's: it has a digit, or is a pod's suffix.
fn is_drawn(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit) || is_suffix(word)
}

/// Words in file names that name no service: suffixes, kinds of log, usual folders.
const NO_SERVICE: &[&[u8]] = &[
    b"log",
    b"logs",
    b"txt",
    b"json",
    b"jsonl",
    b"ndjson",
    b"csv",
    b"tsv",
    b"out",
    b"gz",
    b"zst",
    b"bz2",
    b"xz",
    b"tar",
    b"tgz",
    b"access",
    b"error",
    b"errors",
    b"request",
    b"requests",
    b"ssl",
    b"current",
    b"old",
    b"var",
    b"tmp",
    b"data",
    b"home",
    b"opt",
    b"mnt",
];
/// Ends of the names of packed files.
const PACKED: &[&[u8]] = &[b"gz", b"zst", b"bz2", b"xz"];
/// Words that name no service beside another word.
const WEAK: &[&[u8]] = &[
    b"app",
    b"application",
    b"server",
    b"http",
    b"https",
    b"prod",
    b"production",
];

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_')
}

/// The words of a file or folder name without its date, rotation and kind.
fn words_of_service(name: &[u8]) -> Vec<&[u8]> {
    let words = name.split(is_separator);
    let words: Vec<&[u8]> = words
        .filter(|w| !w.is_empty() && !says_nothing(w))
        .collect();
    let strong = words.iter().any(|w| !WEAK.contains(w));
    let kept = words.into_iter().filter(|w| !strong || !WEAK.contains(w));
    kept.collect()
}

fn says_nothing(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    is_time_or_number(word) || lower == b"u" || NO_SERVICE.contains(&lower.as_slice())
}

/// Whether a word is a number, a date, or a hash.
fn is_time_or_number(word: &[u8]) -> bool {
    let digits = word.iter().filter(|b| b.is_ascii_digit()).count();
    let date = digits >= 6 && digits + 4 >= word.len();
    let hash = digits >= 2 && word.len() >= 8 && word.iter().all(u8::is_ascii_hexdigit);
    digits == word.len() || date || hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `service@host` of each path.
    fn told(paths: &[&str], known: &[&str]) -> Vec<String> {
        let known = known.iter().map(|name| name.as_bytes()).collect();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let origins = origins(paths.iter().map(Path::new), &known);
        let told = origins.into_iter().map(|o| (text(o.service), text(o.host)));
        told.map(|(service, host)| match host.is_empty() {
            true => service,
            false => format!("{service}@{host}"),
        })
        .collect()
    }

    #[test]
    fn a_service_is_told_by_the_file_or_its_folder() {
        for (path, service) in [
            ("logs/api.access.log.2.gz", "api"),
            ("logs/api-access-2024-04-10.log", "api"),
            ("api/access.log", "api"),
            ("logs/api-1/api.access.log", "api"),
            ("logs/api-1/access.log", "api"),
            ("logs/user-service.access.log", "user-service"),
            ("logs/orders-db_error.log", "orders-db"),
            ("localhost_access_log.2024-04-10.txt", "localhost"),
            ("W3SVC1/u_ex240410.log", "W3SVC1"),
            ("api.app.log", "api"),
            ("app.log", "app"),
            ("billing/current", "billing"),
            ("/var/log/access.log", "access.log"),
            ("logs/access.log.1", "access.log"),
            ("logs/access.log.12.gz", "access.log"),
            ("logs/access.log-20240410.zst", "access.log"),
            ("logs/access-2024-04-10.log", "access.log"),
            ("logs/2024-04-10", "2024-04-10"),
            ("logs.tar.gz/var/log/api.access.log.1", "api"),
            ("billing-2024-04-10.tgz/access.log", "billing"),
            ("E2K4XAMPLE.2024-04-10-09.1a2b3c4d.gz", "E2K4XAMPLE"),
            ("api/api-gateway.log", "api-gateway"),
            ("-", "-"),
        ] {
            assert_eq!(told(&[path], &[]), [service], "{path}");
        }
    }

    #[test]
    fn a_host_is_told_by_a_folder_where_there_are_several() {
        assert_eq!(
            told(
                &["logs/api-1/api.access.log", "logs/api-2/api.access.log"],
                &[]
            ),
            ["api@api-1", "api@api-2"]
        );
        assert_eq!(
            told(&["ip-10-0-3-7/api.log", "ip-10-0-3-9/api.log"], &[]),
            ["api@ip-10-0-3-7", "api@ip-10-0-3-9"]
        );
        assert_eq!(
            told(&["logs/2024-04-10/api.log", "logs/2024-04-11/api.log"], &[]),
            ["api", "api"]
        );
        assert_eq!(
            told(&["var/log/web.log", "hosts/a/api.log"], &[]),
            ["web", "api"]
        );
    }

    #[test]
    fn pods_are_hosts_of_what_they_run() {
        let id = "3f".repeat(32);
        for (path, expected) in [
            ("api-7d9f8b6c5d-x2x9k.log", "api@api-7d9f8b6c5d-x2x9k"),
            (
                "logs/user-api-6b8d5f9c7-qwv5z.log.1",
                "user-api@user-api-6b8d5f9c7-qwv5z",
            ),
            (
                "user-api-zzwbcdfgh-bcdfg/access.log",
                "user-api@user-api-zzwbcdfgh-bcdfg",
            ),
            (
                "api-7d9f8b6c5d-x2x9k_shop_app.log",
                "api@api-7d9f8b6c5d-x2x9k",
            ),
            (
                &format!("containers/db-0_shop_postgres-{id}.log"),
                "db@db-0",
            ),
            (
                &format!("fluent-x2x9k_infra_fluent-{id}.log"),
                "fluent@fluent-x2x9k",
            ),
            (
                "pods/shop_api-7d9f8b6c5d-x2x9k_0f14d0ab-9605-4a62-a9e4-5ed26688389b/app/0.log",
                "api@api-7d9f8b6c5d-x2x9k",
            ),
            (
                "shop_db-0_0f14d0ab-9605-4a62-a9e4-5ed26688389b/0.log",
                "db@db-0",
            ),
            ("api/api-x2x9k.log", "api@api-x2x9k"),
            ("api/api-bcdfg.access.log", "api@api-bcdfg"),
            ("api/api-i0a1b2c3.log", "api@api-i0a1b2c3"),
        ] {
            // Another file of the service, so that its host tells something.
            let (service, _) = expected.split_once('@').unwrap();
            let other = format!("elsewhere/{service}.log");
            assert_eq!(told(&[path, &other], &[])[0], expected, "{path}");
        }
    }

    #[test]
    fn numbered_machines_are_hosts_of_one_service() {
        assert_eq!(
            told(&["logs/web01.log", "logs/web02.log", "logs/db1.log"], &[]),
            ["web@web01", "web@web02", "db1"]
        );
        assert_eq!(
            told(&["logs/web1/access.log", "logs/web2/access.log"], &[]),
            ["web@web1", "web@web2"]
        );
        assert_eq!(
            told(&["web1.example.com.log", "web2.example.com.log"], &[]),
            [
                "web-example-com@web1-example-com",
                "web-example-com@web2-example-com"
            ]
        );
        assert_eq!(
            told(&["api-v1.log", "api-v2.log"], &[]),
            ["api-v1", "api-v2"]
        );
    }

    #[test]
    fn what_a_marker_names_is_never_taken_apart() {
        assert_eq!(
            told(
                &["logs/svc1.log", "logs/svc2.log", "logs/svc3.log"],
                &["svc1", "svc2"]
            ),
            ["svc1", "svc2", "svc3"]
        );
        assert_eq!(
            told(
                &["logs/service-1.access.log", "logs/service-2.access.log"],
                &["service-1"]
            ),
            ["service-1", "service"]
        );
        assert_eq!(told(&["logs/api-gateway.log"], &["api"]), ["api-gateway"]);
    }
}
