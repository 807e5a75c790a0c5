use super::super::simulate::{Plan, Random, fault, steady};
use super::super::{Detection, candidates, counted};
use super::*;

/// A job from 00:00 on, each full hour for five minutes, in a log that begins at 23:44.
const FIRST: usize = 16;

fn job(plan: &mut Plan, endpoint: usize, share: f64, every: usize, first: usize) {
    for begin in (first..plan.minutes).step_by(every) {
        let (from_s, to_s) = (begin as f64, begin as f64 + 5.0);
        plan.faults.push(fault(endpoint, from_s, to_s, share));
    }
}

fn detect(plan: &Plan, random: &mut Random) -> Detection {
    candidates(&plan.series(&plan.run(random)))
}

/// What comes back, each once, with the endpoints in it.
fn told(found: &Detection) -> Vec<(Recurrence, Vec<u32>)> {
    let mut told: Vec<(Recurrence, Vec<u32>)> = Vec::new();
    for candidate in &found.candidates {
        let Some(recurrence) = candidate.recurs else {
            continue;
        };
        let endpoint = candidate.endpoint.0;
        match told.iter_mut().find(|(r, _)| *r == recurrence) {
            Some((_, endpoints)) if endpoints.contains(&endpoint) => {}
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => told.push((recurrence, vec![endpoint])),
        }
    }
    told
}

#[test]
fn a_job_of_each_hour_is_one_pattern_of_its_two_endpoints() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut plan = steady(6, 10.0, 0.002, 435);
        job(&mut plan, 1, 0.4, 60, FIRST);
        job(&mut plan, 4, 0.4, 60, FIRST);
        let found = detect(&plan, &mut random);
        let told = told(&found);
        let [(r, endpoints)] = told.as_slice() else {
            panic!("seed {seed}: {told:?}");
        };
        assert_eq!(endpoints, &[1, 4], "seed {seed}");
        assert_eq!((r.every_min, r.times), (60, 7), "seed {seed}: {r:?}");
        let first = r.first_min - plan.start_min;
        assert!((16..=17).contains(&first), "seed {seed}: {r:?}");
        assert!((4..=5).contains(&r.lasts_min), "seed {seed}: {r:?}");
        let others = found.candidates.iter().filter(|c| c.recurs.is_none());
        assert_eq!(others.count(), 0, "seed {seed}");
    }
}

/// A backup at 02:00 of each of ten nights fails two busy endpoints and twenty that are asked every seven
/// minutes: these show no pattern, and on some nights would be told alone, near whatever was deployed.
#[test]
fn what_is_seldom_asked_and_fails_with_the_job_is_a_part_of_it() {
    let mut joined = 0;
    for seed in 0..10 {
        let mut random = Random(400 + seed);
        let mut plan = steady(24, 2.0, 0.001, 10 * 1_440);
        for endpoint in 4..24 {
            plan.traffic[endpoint].per_minute = 0.15;
        }
        for endpoint in [1, 3].into_iter().chain(4..24) {
            job(&mut plan, endpoint, 0.9, 1_440, 120);
        }
        let found = detect(&plan, &mut random);
        let told = told(&found);
        let [(r, endpoints)] = told.as_slice() else {
            panic!("seed {seed}: {told:?}");
        };
        assert_eq!((r.every_min, r.times), (1_440, 10), "seed {seed}: {r:?}");
        assert!([1, 3].iter().all(|e| endpoints.contains(e)), "seed {seed}");
        assert!([0, 2].iter().all(|e| !endpoints.contains(e)), "seed {seed}");
        joined += endpoints.len() - 2;
        let alone = |c: &&Candidate| c.recurs.is_none() && ![0, 2].contains(&c.endpoint.0);
        let others = found.candidates.iter().filter(alone);
        assert_eq!(others.count(), 0, "seed {seed}");
    }
    assert!(joined >= 20, "{joined} of 200");
}

/// One night an endpoint fails at the job's time that never did before, though it was asked as much.
#[test]
fn what_was_fine_at_the_other_times_is_no_part_of_the_job() {
    for seed in 0..10 {
        let mut random = Random(500 + seed);
        let mut plan = steady(4, 4.0, 0.001, 7 * 1_440);
        job(&mut plan, 1, 0.9, 1_440, 120);
        let night = 120.0 + 5.0 * 1_440.0;
        plan.faults.push(fault(3, night, night + 5.0, 0.9));
        let found = detect(&plan, &mut random);
        let other: Vec<u32> = found
            .candidates
            .iter()
            .filter(|c| c.recurs.is_none())
            .map(|c| c.endpoint.0)
            .collect();
        assert_eq!(other, [3], "seed {seed}");
    }
}

#[test]
fn an_outage_beside_the_job_stays_an_outage() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut plan = steady(6, 20.0, 0.002, 435);
        job(&mut plan, 1, 0.4, 60, FIRST);
        plan.faults.push(fault(1, 205.0, 230.0, 0.3));
        let found = detect(&plan, &mut random);
        let told = told(&found);
        assert_eq!(told.len(), 1, "seed {seed}: {told:?}");
        let since = |minute: i64| minute - plan.start_min;
        let others = found.candidates.iter().filter(|c| c.recurs.is_none());
        let spans: Vec<(i64, i64)> = others
            .map(|c| (since(c.from_min), since(c.to_min)))
            .collect();
        let [(from, to)] = spans.as_slice() else {
            panic!("seed {seed}: {spans:?}");
        };
        assert!((203..=208).contains(from), "seed {seed}: {spans:?}");
        assert!((227..=233).contains(to), "seed {seed}: {spans:?}");
    }
}

#[test]
fn a_job_of_each_night_is_no_matter_of_hours() {
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut plan = steady(4, 4.0, 0.002, 7 * 1_440);
        job(&mut plan, 2, 0.5, 1_440, 200);
        let told = told(&detect(&plan, &mut random));
        let [(r, endpoints)] = told.as_slice() else {
            panic!("seed {seed}: {told:?}");
        };
        assert_eq!((r.every_min, r.times), (1_440, 7), "seed {seed}: {r:?}");
        assert_eq!(endpoints, &[2], "seed {seed}");
    }
}

/// Five outages in a day, whose times are drawn.
#[test]
fn outages_at_random_times_are_no_pattern() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let mut plan = steady(4, 20.0, 0.002, 1_440);
        for _ in 0..5 {
            let begin = random.unit() * 1_400.0;
            plan.faults.push(fault(1, begin, begin + 8.0, 0.4));
        }
        let told = told(&detect(&plan, &mut random));
        assert_eq!(told, [], "seed {seed}");
    }
}

#[test]
fn error_rates_that_wander_make_no_pattern() {
    for seed in 0..40 {
        let mut random = Random(2_000 + seed);
        let mut plan = Plan::shop(20, 1_440, &mut random);
        plan.sigma = 0.7;
        let told = told(&detect(&plan, &mut random));
        assert_eq!(told, [], "seed {seed}");
    }
}

#[test]
fn the_log_without_a_pattern_has_every_other_minute() {
    let mut random = Random(7);
    let mut plan = steady(2, 10.0, 0.002, 435);
    job(&mut plan, 1, 0.5, 60, FIRST);
    let set = plan.series(&plan.run(&mut random));
    let scanned = Scanned::new(&set, 0);
    let patterns = patterns(&set, &counted(&set), &scanned);
    let [pattern] = patterns.as_slice() else {
        panic!("{} patterns", patterns.len());
    };
    let rest = without(&set, &patterns);
    assert_eq!(rest.cells[0], set.cells[0]);
    let near = |minute: i64| {
        let at = |minute: i64| pattern.recurrence.holds(minute * MINUTE_US);
        at(minute) || at(minute - 1) || at(minute + 1)
    };
    let kept = set.cells[1]
        .iter()
        .filter(|c| !near(i64::from(c.minute)))
        .copied();
    assert_eq!(rest.cells[1], kept.collect::<Vec<_>>());
}

#[test]
fn moments_are_in_a_time_or_between_two() {
    let r = Recurrence {
        every_min: 60,
        lasts_min: 5,
        first_min: 1_000,
        times: 3,
    };
    let at = |minute: i64, second: i64| (minute * 60 + second) * 1_000_000;
    for (moment, held, after) in [
        (at(999, 59), false, 3),
        (at(1_000, 0), true, 2),
        (at(1_004, 59), true, 2),
        (at(1_005, 0), false, 2),
        (at(1_059, 59), false, 2),
        (at(1_060, 0), true, 1),
        (at(1_124, 59), true, 0),
        (at(1_125, 0), false, 0),
        (at(1_180, 0), false, 0),
    ] {
        assert_eq!(
            (r.holds(moment), r.times_after(moment)),
            (held, after),
            "{moment}"
        );
    }
    assert_eq!(r.last_min(), 1_120);
}
