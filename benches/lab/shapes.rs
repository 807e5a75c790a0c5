//! One request → one line, of many kinds of logs, by appending bytes and nothing else.
//!
//! A kind is a row of [`Format::layout`]: how it prints a time, and a line with its parts in `<>`, cut up
//! once. A new kind is a new row.

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};

use crate::population::{Endpoint, User};
use crate::rng::Rng;

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// nginx combined.
    Combined,
    /// JSON lines.
    Json,
    /// The same with the keys in another order, what counts last, and a space behind each colon.
    JsonLate,
    /// Elastic's nested keys, and thousandths in the times.
    JsonNested,
    /// OpenTelemetry's lists of attributes.
    JsonAttributes,
    /// An access log in nginx's `log_format … escape=json`, numbers as texts.
    JsonNginx,
    /// key=value pairs.
    Logfmt,
    /// Rails' lograge.
    Lograge,
    /// Heroku's router, syslog's head in front.
    Heroku,
    /// Labeled tab-separated values.
    Ltsv,
    /// A table with a header.
    Csv,
    /// IIS, in the W3C's extended format.
    Iis,
    /// CloudFront, with tabs.
    Cloudfront,
    /// AWS's application load balancer.
    Alb,
    /// Envoy's default.
    Envoy,
    /// HAProxy's HTTP log.
    Haproxy,
    /// S3's server access log.
    S3,
    /// Kubernetes' ingress-nginx.
    Ingress,
    /// Traefik's common log.
    Traefik,
    /// uWSGI's request log.
    Uwsgi,
    /// Squid's native log.
    Squid,
    /// Gin's lines.
    Gin,
    /// Combined in a container runtime's lines.
    Cri,
    /// Combined in Docker's JSON files.
    Docker,
    /// Combined behind syslog's head.
    Syslog,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RequestTime {
    /// ` rt=0.123`.
    Rt,
    /// ` 0.123`.
    Plain,
    /// Nothing: plain combined.
    None,
}

const CLF: &str = "%d/%b/%Y:%H:%M:%S +0000";
const ISO: &str = "%Y-%m-%dT%H:%M:%SZ";
/// Thousandths and a zone follow.
const ISO_BARE: &str = "%Y-%m-%dT%H:%M:%S";

const COMBINED: &str =
    r#"<ip> - - [<time>] "<method> <target> HTTP/1.1" <status> <bytes> "-" "<agent>""#;

impl Format {
    /// How times are printed (strftime's notation), and what a line is made of.
    #[rustfmt::skip]
    fn layout(self) -> (&'static str, &'static str) {
        match self {
            Format::Combined => (CLF, COMBINED),
            Format::Json => (ISO, r#"{"time":"<time>","level":"<level>","service":"shop","host":"shop-<host>","client_ip":"<ip>","method":"<method>","path":"<target>","status":<status>,"bytes":<bytes>,"duration_ms":<ms>,"user_agent":"<agent>","request_id":"<uuid>","message":"request completed"}"#),
            Format::JsonLate => (ISO_BARE, r#"{"message": "request completed", "level": "<level>", "logger": "http.access", "thread": "worker-<host>", "request_id": "<uuid>", "user_agent": "<agent>", "bytes": <bytes>, "client_ip": "<ip>", "host": "shop-<host>", "duration_ms": <ms>, "status": <status>, "path": "<target>", "method": "<method>", "service": "shop", "time": "<time>.<milli>Z"}"#),
            Format::JsonNested => (ISO_BARE, r#"{"@timestamp":"<time>.<milli>Z","log":{"level":"<level>","logger":"access"},"service":{"name":"shop","version":"2.4.0"},"host":{"name":"shop-<host>"},"client":{"ip":"<ip>"},"http":{"version":"1.1","request":{"method":"<method>","id":"<uuid>"},"response":{"status_code":<status>,"body":{"bytes":<bytes>}}},"url":{"original":"<target>"},"event":{"duration":<ms>000000},"user_agent":{"original":"<agent>"},"tags":["access","shop"],"message":"request completed"}"#),
            Format::JsonAttributes => (ISO_BARE, r#"{"timestamp":"<time>.<milli>Z","severityText":"<level>","body":{"stringValue":"request completed"},"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"shop-<host>"}}]},"attributes":[{"key":"http.request.method","value":{"stringValue":"<method>"}},{"key":"url.path","value":{"stringValue":"<target>"}},{"key":"http.response.status_code","value":{"intValue":"<status>"}},{"key":"client.address","value":{"stringValue":"<ip>"}},{"key":"duration_ms","value":{"intValue":"<ms>"}}],"traceId":"<uuid>"}"#),
            Format::JsonNginx => (CLF, r#"{"time_local":"<time>","remote_addr":"<ip>","remote_user":"","request":"<method> <target> HTTP/1.1","status":"<status>","body_bytes_sent":"<bytes>","request_time":"<seconds>","http_referrer":"","http_user_agent":"<agent>","request_id":"<uuid>"}"#),
            Format::Logfmt => (ISO, r#"ts=<time> level=<level> service=shop host=shop-<host> remote=<ip> method=<method> path=<target> status=<status> bytes=<bytes> duration=<ms>ms agent="<agent>""#),
            Format::Lograge => (ISO_BARE, "I, [<time>.<milli>456 #4711]  INFO -- : method=<method> path=<target> format=json controller=ShopController action=show status=<status> duration=<ms>.<milli> view=0.40 db=1.26 user_id=17"),
            Format::Heroku => (ISO_BARE, r#"<time>.<milli>123+00:00 heroku[router]: at=info method=<method> path="<target>" host=shop.herokuapp.com request_id=<uuid> fwd="<ip>" dyno=web.<host> connect=1ms service=<ms>ms status=<status> bytes=<bytes> protocol=https"#),
            Format::Ltsv => (CLF, "time:[<time>]\thost:<ip>\treq:<method> <target> HTTP/1.1\tstatus:<status>\tsize:<bytes>\treferer:-\tua:<agent>\treqtime:<seconds>\tvhost:shop.example"),
            Format::Csv => (ISO_BARE, "<time>.<milli>Z,<method>,<target>,<status>,<ms>,<ip>,shop,<uuid>"),
            Format::Iis => ("%Y-%m-%d %H:%M:%S", "<time> 10.0.0.5 <method> <target> - 443 - <ip> ShopApp/7.3.1+(Android+14) - <status> 0 0 <ms>"),
            Format::Cloudfront => ("%Y-%m-%d\t%H:%M:%S", "<time>\tFRA56-P3\t<bytes>\t<ip>\t<method>\td111111abcdef8.cloudfront.net\t<target>\t<status>\t-\tcurl/8.5.0\tshop.example\t<seconds>\t-"),
            Format::Alb => (ISO_BARE, r#"https <time>.<milli>641Z app/shop/50dc6c495c0c9188 <ip>:2817 10.0.0.<host>:8080 0.000 <seconds> 0.000 <status> <status> 34 <bytes> "<method> https://shop.example:443<target> HTTP/2.0" "<agent>" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "shop.example" "arn:aws:acm:eu-west-1:123456789012:certificate/12345678" 1 <time>.000000Z "forward" "-" "-" "10.0.0.<host>:8080" "<status>" "-" "-""#),
            Format::Envoy => (ISO_BARE, r#"[<time>.<milli>Z] "<method> <target> HTTP/2" <status> - <bytes> 0 <ms> - "<ip>" "<agent>" "<uuid>" "shop" "10.0.0.<host>:8080""#),
            Format::Haproxy => ("%d/%b/%Y:%H:%M:%S", r#"<ip>:53332 [<time>.<milli>] https-in~ shop/shop-<host> 10/0/30/9/<ms> <status> <bytes> - - ---- 1/1/1/1/0 0/0 {shop.example} {} "<method> <target> HTTP/1.1""#),
            Format::S3 => (CLF, r#"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be shop-images [<time>] <ip> arn:aws:iam::123456789012:user/alice 3E57427F3EXAMPLE REST.GET.OBJECT cat.png "<method> <target> HTTP/1.1" <status> - <bytes> - <ms> 5 "-" "<agent>" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader shop-images.s3.eu-west-1.amazonaws.com TLSV1.2"#),
            Format::Ingress => (CLF, r#"<ip> - - [<time>] "<method> <target> HTTP/1.1" <status> <bytes> "-" "<agent>" 502 <seconds> [shop-api-80] [] 10.0.0.<host>:8080 <bytes> <seconds> <status> 04f1619cfb5e02b6455c19b860427758"#),
            Format::Traefik => (CLF, r#"<ip> - - [<time>] "<method> <target> HTTP/1.1" <status> <bytes> "-" "<agent>" 500 "shop@docker" "http://10.0.0.<host>:80" <ms>ms"#),
            Format::Uwsgi => ("%a %b %d %H:%M:%S %Y", "[pid: 88185|app: 0|req: 1/1] <ip> () {38 vars in 696 bytes} [<time>] <method> <target> => generated <bytes> bytes in <ms> msecs (HTTP/1.1 <status>) 9 headers in 378 bytes (1 switches on core <host>)"),
            Format::Squid => ("%s", "<time>.<milli>    <ms> <ip> TCP_MISS/<status> <bytes> <method> http://shop.example<target> alice HIER_DIRECT/10.0.0.<host> text/html"),
            Format::Gin => ("%Y/%m/%d - %H:%M:%S", r#"[GIN] <time> | <status> | <ms>.<milli>ms | <ip> | <method>      "<target>""#),
            Format::Cri => (CLF, r#"2024-04-10T09:00:00.493035218Z stdout F <ip> - - [<time>] "<method> <target> HTTP/1.1" <status> <bytes> "-" "<agent>" <seconds>"#),
            Format::Docker => (CLF, r#"{"log":"<ip> - - [<time>] \"<method> <target> HTTP/1.1\" <status> <bytes> \"-\" \"<agent>\" <seconds>\n","stream":"stdout","time":"2024-04-10T09:00:00.20764059Z"}"#),
            Format::Syslog => (CLF, r#"Apr 10 09:00:00 web-<host> nginx[4711]: <ip> - - [<time>] "<method> <target> HTTP/1.1" <status> <bytes> "-" "<agent>" <seconds>"#),
        }
    }

    /// What the log begins with.
    pub fn header(self) -> &'static str {
        match self {
            Format::Csv => {
                "timestamp,method,path,status,duration_ms,client_ip,service,request_id\n"
            }
            Format::Iis => {
                "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
                 cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"
            }
            Format::Cloudfront => {
                "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) \
                 cs-uri-stem sc-status cs(Referer) cs(User-Agent) x-host-header time-taken x-forwarded-for\n"
            }
            _ => "",
        }
    }
}

/// What a line is made of.
pub struct Layout {
    time: &'static str,
    pieces: Vec<(&'static str, Option<Part>)>,
}

/// What stands behind a text.
#[derive(Clone, Copy)]
enum Part {
    Ip,
    Time,
    Method,
    Target,
    Status,
    Bytes,
    /// Whole milliseconds.
    Ms,
    /// Seconds with three decimals.
    Seconds,
    /// Three digits at random.
    Milli,
    Agent,
    Level,
    /// 1 to 8.
    Host,
    Uuid,
}

impl Part {
    fn named(name: &str) -> Part {
        match name {
            "ip" => Part::Ip,
            "time" => Part::Time,
            "method" => Part::Method,
            "target" => Part::Target,
            "status" => Part::Status,
            "bytes" => Part::Bytes,
            "ms" => Part::Ms,
            "seconds" => Part::Seconds,
            "milli" => Part::Milli,
            "agent" => Part::Agent,
            "level" => Part::Level,
            "host" => Part::Host,
            "uuid" => Part::Uuid,
            _ => unreachable!("no part is called {name}"),
        }
    }
}

impl Layout {
    pub fn of(format: Format, request_time: RequestTime) -> Layout {
        let (time, line) = format.layout();
        let mut pieces: Vec<(&str, Option<Part>)> = Vec::new();
        let mut rest = line;
        while let Some((text, behind)) = rest.split_once('<') {
            let (name, after) = behind.split_once('>').expect("a part's name is closed");
            pieces.push((text, Some(Part::named(name))));
            rest = after;
        }
        pieces.push((rest, None));
        if let Format::Combined = format {
            match request_time {
                RequestTime::Rt => pieces.push((" rt=", Some(Part::Seconds))),
                RequestTime::Plain => pieces.push((" ", Some(Part::Seconds))),
                RequestTime::None => {}
            }
        }
        Layout { time, pieces }
    }

    /// The time of second `now_s` as it is printed.
    pub fn stamp(&self, now_s: u64) -> Vec<u8> {
        Timestamp::from_second(now_s as i64)
            .expect("at most ten years after 2024")
            .to_zoned(TimeZone::UTC)
            .strftime(self.time)
            .to_string()
            .into_bytes()
    }

    /// Writes one request as a line, with its newline.
    pub fn line(&self, out: &mut Vec<u8>, rng: &mut Rng, stamp: &[u8], request: &Request<'_>) {
        for (text, part) in &self.pieces {
            out.extend_from_slice(text.as_bytes());
            match part {
                None => {}
                Some(Part::Ip) => out.extend_from_slice(request.user.ip.as_bytes()),
                Some(Part::Time) => out.extend_from_slice(stamp),
                Some(Part::Method) => out.extend_from_slice(method(request).as_bytes()),
                Some(Part::Target) => target(out, rng, request),
                Some(Part::Status) => number(out, request.status),
                Some(Part::Bytes) => number(out, request.bytes),
                Some(Part::Ms) => number(out, request.took_ms),
                Some(Part::Seconds) => {
                    number(out, request.took_ms / 1000);
                    out.push(b'.');
                    three_digits(out, request.took_ms);
                }
                Some(Part::Milli) => three_digits(out, rng.below(1000)),
                Some(Part::Agent) => out.extend_from_slice(request.user.agent.as_bytes()),
                Some(Part::Level) => out.extend_from_slice(level(request).as_bytes()),
                Some(Part::Host) => number(out, 1 + rng.below(8)),
                Some(Part::Uuid) => uuid(out, rng),
            }
        }
        out.push(b'\n');
    }
}

/// One request, drawn.
pub struct Request<'a> {
    pub user: &'a User,
    /// `None` is one of the flood.
    pub endpoint: Option<&'a Endpoint>,
    pub status: u64,
    pub bytes: u64,
    pub took_ms: u64,
}

fn method(request: &Request<'_>) -> &'static str {
    request.endpoint.map_or("GET", |e| e.method)
}

fn level(request: &Request<'_>) -> &'static str {
    if request.status >= 500 {
        "error"
    } else {
        "info"
    }
}

fn target(out: &mut Vec<u8>, rng: &mut Rng, request: &Request<'_>) {
    match request.endpoint {
        Some(endpoint) => endpoint.write_target(out, rng),
        None => {
            // Letters only, so that no rule for ids folds them.
            out.push(b'/');
            let mut bits = rng.bits();
            for _ in 0..13 {
                out.push(b'g' + (bits % 19) as u8);
                bits /= 19;
            }
        }
    }
}

/// A number in decimal.
pub fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The last three digits of a number.
fn three_digits(out: &mut Vec<u8>, n: u64) {
    out.extend([100, 10, 1].map(|unit| b'0' + (n / unit % 10) as u8));
}

/// A version 4 UUID.
pub fn uuid(out: &mut Vec<u8>, rng: &mut Rng) {
    let mut bits = (u128::from(rng.bits()) << 64) | u128::from(rng.bits());
    for &shape in b"xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx" {
        if shape == b'x' {
            out.push(b"0123456789abcdef"[(bits & 15) as usize]);
            bits >>= 4;
        } else {
            out.push(shape);
        }
    }
}
