use super::*;

fn all(lines: &[&str]) -> Vec<String> {
    let numbered: Vec<(usize, &[u8])> = (1..)
        .zip(lines.iter().map(|line| line.as_bytes()))
        .collect();
    let (_, joined) = joined(&numbered);
    let text = |(number, line): &(usize, Cow<'_, [u8]>)| {
        format!("{number} {}", String::from_utf8_lossy(line))
    };
    joined.iter().map(text).collect()
}

#[test]
fn pieces_of_a_stream_become_a_line_at_the_time_of_the_first() {
    let lines = [
        r#"2024-04-10T09:00:00.1Z stdout P {"method":"GET","#,
        "2024-04-10T09:00:00.1Z stderr F at Orders.java:42",
        r#"2024-04-10T09:00:00.2Z stdout P "path":"#,
        r#"2024-04-10T09:00:00.3Z stdout F "/a"}"#,
        "2024-04-10T09:00:01Z stdout F whole",
    ];
    assert_eq!(
        all(&lines),
        [
            "2 2024-04-10T09:00:00.1Z stderr F at Orders.java:42",
            r#"4 2024-04-10T09:00:00.1Z stdout F {"method":"GET","path":"/a"}"#,
            "5 2024-04-10T09:00:01Z stdout F whole",
        ]
    );
}

#[test]
fn a_line_that_docker_cut_is_whole_again() {
    let long = "x".repeat(DOCKER_PIECE);
    let first = format!(r#"{{"log":"GET /{long}","stream":"stdout","time":"T1"}}"#);
    let lines = [
        &*first,
        r#"{"log":" 500\n","stream":"stdout","time":"T2"}"#,
        r#"{"log":"no newline","stream":"stdout","time":"T3"}"#,
    ];
    assert_eq!(
        all(&lines),
        [
            format!(r#"2 {{"log":"GET /{long} 500\n","stream":"stdout","time":"T2"}}"#),
            format!("3 {}", lines[2]),
        ]
    );
}

#[test]
fn the_lines_of_two_requests_are_told_apart_by_their_ids() {
    let lines = [
        r#"I, [2024-04-10T09:00:00.1 #12]  INFO -- : [9f3c51ad-0001] Started GET "/a" for 203.0.113.7 at 2024-04-10 09:00:00 +0000"#,
        r#"I, [2024-04-10T09:00:00.2 #12]  INFO -- : [9f3c51ad-0002] Started POST "/b" for 203.0.113.8 at 2024-04-10 09:00:01 +0000"#,
        "I, [2024-04-10T09:00:00.3 #12]  INFO -- : [9f3c51ad-0001] Completed 500 Internal Server Error in 12ms (Views: 1.0ms)",
        "I, [2024-04-10T09:00:00.4 #12]  INFO -- : [9f3c51ad-0003] Completed 200 OK in 1ms",
    ];
    assert_eq!(
        all(&lines),
        [
            r#"3 I, [2024-04-10T09:00:00.1 #12]  INFO -- : [9f3c51ad-0001] GET "/a" completed 500 Internal Server Error in 12ms for 203.0.113.7 at 2024-04-10 09:00:00 +0000"#,
            &format!("4 {}", lines[3]),
        ]
    );
}

#[test]
fn what_was_sent_goes_behind_what_was_asked() {
    let lines = [
        "2024-04-10T09:00:00Z 09:00:00.123 request_id=F9abcDEF1234 [info] GET /cart",
        "2024-04-10T09:00:00Z 09:00:00.124 request_id=F9abcDEF9999 [info] POST /cart",
        "2024-04-10T09:00:00Z 09:00:00.135 request_id=F9abcDEF1234 [info] Sent 500 in 12ms",
    ];
    assert_eq!(all(&lines), [format!("3 {} Sent 500 in 12ms", lines[0])]);
}

#[test]
fn lines_with_no_id_stay_apart() {
    let lines = [
        r#"Started GET "/a" for 203.0.113.7 at 2024-04-10 09:00:00 +0000"#,
        "Completed 500 Internal Server Error in 12ms",
    ];
    let whole = [format!("1 {}", lines[0]), format!("2 {}", lines[1])];
    assert_eq!(all(&lines), whole);
}

#[test]
fn an_answer_gets_its_request() {
    let lines = [
        r#"{"level":30,"time":1712739603250,"pid":1,"hostname":"a","reqId":"req-1","req":{"method":"GET","url":"/a}\"","host":"shop"},"msg":"incoming request"}"#,
        r#"{"level":30,"time":1712739603260,"pid":2,"hostname":"a","reqId":"req-1","res":{"statusCode":200},"responseTime":9.1}"#,
        r#"{"level":30,"time":1712739603262,"pid":1,"hostname":"a","reqId":"req-1","res":{"statusCode":500},"responseTime":12.1}"#,
    ];
    assert_eq!(
        all(&lines),
        [
            format!("2 {}", lines[1]),
            r#"3 {"req":{"method":"GET","url":"/a}\"","host":"shop"},"level":30,"time":1712739603262,"pid":1,"hostname":"a","reqId":"req-1","res":{"statusCode":500},"responseTime":12.1}"#.to_owned(),
        ]
    );
}

#[test]
fn what_began_before_the_block_is_found_and_the_oldest_is_forgotten() {
    let begin = |id: usize| {
        format!("[request-{id:06}] Started GET \"/{id}\" for ::1 at 2024-04-10 09:00:00 +0000\n")
    };
    let joins = Joins::of(&[begin(0).as_bytes()]);
    let before: String = (0..PENDING).map(begin).collect();
    let mut joiner = Joiner::new(joins, before.as_bytes());
    assert_eq!(joiner.take(begin(PENDING).as_bytes()), Piece::Begins);
    let end = |id: usize| format!("[request-{id:06}] Completed 200 OK in 1ms");
    assert_eq!(joiner.take(end(0).as_bytes()), Piece::Whole);
    assert_eq!(
        joiner.take(end(1).as_bytes()),
        Piece::Joined(b"[request-000001] GET \"/1\" completed 200 OK in 1ms for ::1 at 2024-04-10 09:00:00 +0000")
    );
}

#[test]
fn what_nets_console_says_has_the_time_of_the_line_above() {
    let lines = [
        "2024-04-10 09:00:00 info: Microsoft.AspNetCore.Hosting.Diagnostics[2]",
        "      Request finished HTTP/1.1 GET http://shop.example/cart - 500 157 text/plain 34.3456ms\r",
        "2024-04-10 09:00:01 fail: Shop.Orders[-7]",
        "      No order",
        "         at Shop.Orders.Get()",
        "2024-04-10 09:00:02 warn: Shop.Orders[0]",
        "not indented",
        "      nor told by whom",
    ];
    assert_eq!(
        all(&lines),
        [
            "2 2024-04-10 09:00:00 info: Microsoft.AspNetCore.Hosting.Diagnostics[2] Request finished HTTP/1.1 GET http://shop.example/cart - 500 157 text/plain 34.3456ms",
            "4 2024-04-10 09:00:01 fail: Shop.Orders[-7] No order",
            "5          at Shop.Orders.Get()",
            "7 not indented",
            "8       nor told by whom",
        ]
    );
    // Without a time there is nothing to be had.
    let bare = ["info: Shop.Orders[0]", "      GET /cart 500"];
    assert_eq!(
        all(&bare),
        ["1 info: Shop.Orders[0]", "2       GET /cart 500"]
    );
}
