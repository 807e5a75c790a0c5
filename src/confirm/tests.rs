use super::*;
use crate::detect::simulate::{Fault, Plan, Random, Request, fault, steady};
use crate::detect::{candidates, gaps};
use crate::series::MINUTE_US;
use crate::zoom::{CELL_US, Failure};

const MINUTE: f64 = 60.0;

/// What the second pass hands over: for each candidate its endpoint's cells, from three hours before
/// to one hour after.
fn zoom(set: &SeriesSet, requests: &[Request], candidates: &[Candidate]) -> Vec<Cells> {
    candidates
        .iter()
        .map(|c| {
            let log_end = set.start_min + set.minutes as i64;
            let from = (c.from_min - 180).max(set.start_min) * MINUTE_US;
            let to = (c.to_min + 60).min(log_end) * MINUTE_US;
            let mut counts = vec![(0, 0); ((to - from) / CELL_US) as usize];
            let mut failures = Vec::new();
            let mine = requests
                .iter()
                .filter(|r| r.endpoint == c.endpoint.0 as usize);
            for r in mine.filter(|r| (from..to).contains(&r.time_us)) {
                let count = &mut counts[((r.time_us - from) / CELL_US) as usize];
                count.0 += 1;
                count.1 += u32::from(r.failed);
                if r.failed {
                    failures.push(Failure {
                        time_us: r.time_us,
                        status: 500,
                        request: r.user * 64 + r.endpoint as u64 + 1,
                        user: r.user,
                    });
                }
            }
            failures.sort_unstable();
            Cells {
                endpoint: c.endpoint,
                signal: c.baseline.signal,
                start_us: from,
                counts,
                failures,
                failures_dropped: 0,
            }
        })
        .collect()
}

fn judge(plan: &Plan, requests: &[Request]) -> Confirmed {
    let mut set = plan.series(requests);
    set.gaps = gaps(&set);
    let found = candidates(&set).candidates;
    incidents(&found, &zoom(&set, requests, &found), &set)
}

fn run(plan: &Plan, seed: u64) -> Confirmed {
    judge(plan, &plan.run(&mut Random(seed)))
}

fn endpoints(incident: &Incident) -> Vec<u32> {
    incident
        .endpoints
        .iter()
        .map(|(endpoint, _)| endpoint.0)
        .collect()
}

/// Seconds since the log's begin.
fn seconds(plan: &Plan, us: i64) -> f64 {
    (us - plan.start_min * MINUTE_US) as f64 / 1e6
}

fn within(plan: &Plan, estimate: &Estimate, second: f64) -> bool {
    seconds(plan, estimate.low_us) <= second && second <= seconds(plan, estimate.high_us)
}

/// 06:00 to 12:00. A deploy at 09:00 breaks three of twenty endpoints of 5 to 60 requests a minute
/// for 15 % of the users; rolled back at 11:00, the last errors are over by 11:02.
#[test]
fn a_deploy_and_its_rollback_are_one_incident_dated_to_the_minute() {
    const SEEDS: usize = 60;
    let (onset_s, end_s) = (180.0 * MINUTE, 302.0 * MINUTE);
    let (mut one, mut dated, mut covered, mut ended, mut end_covered) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let mut random = Random(seed as u64);
        let mut plan = Plan::shop(20, 360, &mut random);
        plan.sigma = 0.5;
        plan.faults = [3, 7, 15].map(|e| fault(e, 180.0, 302.0, 0.15)).to_vec();
        let confirmed = judge(&plan, &plan.run(&mut random));
        let hit = |i: &&Incident| endpoints(i) == [3, 7, 15];
        let incident = confirmed
            .incidents
            .iter()
            .find(hit)
            .expect("the fault is always found");
        one += usize::from(confirmed.incidents.len() == 1);
        assert_eq!(incident.state, State::Recovered, "seed {seed}");
        assert!(!incident.single_client);
        let (onset, end) = (
            incident.onset.as_ref().unwrap(),
            incident.end.as_ref().unwrap(),
        );
        dated += usize::from((seconds(&plan, onset.median_us) - onset_s).abs() <= 60.0);
        covered += usize::from(within(&plan, onset, onset_s));
        ended += usize::from((seconds(&plan, end.median_us) - end_s).abs() <= 120.0);
        end_covered += usize::from(within(&plan, end, end_s));
        assert!(onset.low_us <= incident.first_failure_us);
        assert!(incident.last_failure_us <= end.high_us);
    }
    let least = |share: f64| (share * SEEDS as f64).ceil() as usize;
    assert!(one >= least(0.95), "one incident in {one} of {SEEDS}");
    assert!(
        dated >= least(0.95) && covered >= least(0.90),
        "onset: {dated}, {covered}"
    );
    assert!(
        ended >= least(0.95) && end_covered >= least(0.90),
        "end: {ended}, {end_covered}"
    );
}

/// Four hosts, one a minute: the first breaks its quarter of the requests at once, and so on.
#[test]
fn a_roll_out_is_dated_to_its_first_host() {
    const SEEDS: usize = 40;
    let onset_s = 180.0 * MINUTE;
    let (mut near, mut covered) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = Random(500 + seed as u64);
        let mut plan = steady(6, 120.0, 0.002, 300);
        let host = |number: u32| Fault {
            of_users: false,
            ..fault(2, 180.0 + f64::from(number), 300.0, 0.2)
        };
        plan.faults = (0..4).map(host).collect();
        let confirmed = judge(&plan, &plan.run(&mut random));
        let hit = confirmed.incidents.iter().find(|i| endpoints(i) == [2]);
        let onset = hit.and_then(|i| i.onset.as_ref()).expect("it is found");
        near += usize::from((seconds(&plan, onset.median_us) - onset_s).abs() <= 30.0);
        covered += usize::from(within(&plan, onset, onset_s));
    }
    assert!(near >= 32 && covered >= 36, "{near}, {covered} of {SEEDS}");
}

/// nginx writes a request of 09:00:00.9 as 09:00:00: what began at 09:00:00.8 has its first failure
/// before its begin, as the log tells it.
#[test]
fn where_a_log_cuts_off_seconds_the_onset_may_lie_within_one() {
    const SEEDS: usize = 40;
    let onset_s = 180.0 * MINUTE + 0.8;
    let mut covered = 0;
    for seed in 0..SEEDS {
        let mut random = Random(900 + seed as u64);
        let mut plan = steady(4, 900.0, 0.002, 260);
        plan.faults = vec![fault(1, onset_s / MINUTE, 260.0, 0.9)];
        let mut requests = plan.run(&mut random);
        for request in &mut requests {
            request.time_us -= request.time_us % 1_000_000;
        }
        let confirmed = judge(&plan, &requests);
        let onset = confirmed.incidents[0].onset.as_ref().expect("it is dated");
        covered += usize::from(within(&plan, onset, onset_s));
    }
    assert!(covered >= 36, "{covered} of {SEEDS}");
}

/// The scan allows 0.1 false candidates a week: 0.43 in these 30 days.
#[test]
fn thirty_quiet_days_have_no_incident() {
    let mut alarms = 0;
    for seed in 0..30 {
        let mut plan = Plan::shop(20, 1440, &mut Random(3_000 + seed));
        plan.sigma = 0.5;
        alarms += run(&plan, seed).incidents.len();
    }
    assert!(alarms <= 1, "{alarms} false incidents");
}

#[test]
fn a_dependency_that_fails_everywhere_is_one_incident_across_services() {
    for seed in 0..10 {
        let mut plan = Plan::shop(15, 360, &mut Random(seed));
        plan.traffic
            .iter_mut()
            .enumerate()
            .for_each(|(i, t)| t.service = i as u32 / 5);
        plan.faults = (0..15)
            .map(|e| Fault {
                of_users: false,
                ..fault(e, 200.0, 225.0, 0.4)
            })
            .collect();
        let confirmed = run(&plan, seed);
        let hit: Vec<_> = confirmed.incidents.iter().map(endpoints).collect();
        assert_eq!(hit, [(0..15).collect::<Vec<u32>>()], "seed {seed}");
        let onset = confirmed.incidents[0].onset.as_ref().unwrap();
        assert!((seconds(&plan, onset.median_us) - 12_000.0).abs() < 15.0);
    }
}

#[test]
fn a_fault_that_lasts_to_the_end_of_the_log_is_ongoing() {
    let mut plan = steady(6, 30.0, 0.003, 300);
    plan.faults = vec![fault(1, 200.0, 300.0, 0.15), fault(2, 200.0, 300.0, 0.15)];
    let confirmed = run(&plan, 4);
    assert_eq!(confirmed.incidents.len(), 1);
    let incident = &confirmed.incidents[0];
    assert_eq!((incident.state, &incident.end), (State::Ongoing, &None));
    assert!(seconds(&plan, incident.last_failure_us) > 299.0 * MINUTE);
}

#[test]
fn a_rate_that_is_back_for_eight_minutes_is_improving() {
    let mut plan = steady(6, 30.0, 0.003, 300);
    plan.faults = vec![fault(1, 200.0, 292.0, 0.3), fault(2, 200.0, 292.0, 0.3)];
    let confirmed = run(&plan, 4);
    assert_eq!(confirmed.incidents.len(), 1);
    let incident = &confirmed.incidents[0];
    assert_eq!(incident.state, State::Improving);
    assert!(within(
        &plan,
        incident.end.as_ref().unwrap(),
        292.0 * MINUTE
    ));
}

#[test]
fn where_the_log_is_missing_after_a_fault_its_state_is_unknown() {
    let mut plan = steady(6, 30.0, 0.003, 360);
    plan.traffic[4].service = 1;
    plan.traffic[5].service = 1;
    plan.faults = vec![fault(4, 200.0, 300.0, 0.2), fault(5, 200.0, 300.0, 0.2)];
    let mut requests = plan.run(&mut Random(8));
    requests.retain(|r| r.endpoint < 4 || seconds(&plan, r.time_us) < 250.0 * MINUTE);
    let confirmed = judge(&plan, &requests);
    assert_eq!(confirmed.incidents.len(), 1);
    assert_eq!(endpoints(&confirmed.incidents[0]), [4, 5]);
    let incident = &confirmed.incidents[0];
    assert_eq!((incident.state, &incident.end), (State::Unknown, &None));
}

/// Its siblings are asked on for two hours, so the log is all there.
#[test]
fn what_nobody_asks_for_any_more_is_neither_ongoing_nor_recovered() {
    let mut plan = steady(6, 30.0, 0.003, 360);
    plan.faults = vec![fault(1, 200.0, 240.0, 0.4)];
    let mut requests = plan.run(&mut Random(9));
    requests.retain(|r| r.endpoint != 1 || seconds(&plan, r.time_us) < 240.0 * MINUTE);
    let incidents = judge(&plan, &requests).incidents;
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!((incident.state, &incident.end), (State::Unknown, &None));
    // A minute later nobody can know yet.
    requests.retain(|r| seconds(&plan, r.time_us) < 240.1 * MINUTE);
    plan.minutes = 241;
    let incidents = judge(&plan, &requests).incidents;
    assert_eq!(incidents[0].state, State::Ongoing);
}

#[test]
fn a_hole_in_the_log_splits_no_incident_and_is_no_recovery() {
    let mut plan = steady(6, 30.0, 0.003, 400);
    plan.faults = vec![fault(1, 180.0, 300.0, 0.2)];
    plan.silence = Some((210, 250));
    let confirmed = run(&plan, 2);
    assert_eq!(confirmed.incidents.len(), 1);
    let incident = &confirmed.incidents[0];
    assert_eq!(incident.state, State::Recovered);
    let (onset, end) = (
        incident.onset.as_ref().unwrap(),
        incident.end.as_ref().unwrap(),
    );
    assert!(within(&plan, onset, 180.0 * MINUTE) && within(&plan, end, 300.0 * MINUTE));
}

#[test]
fn a_fault_older_than_the_log_has_no_onset_but_an_end() {
    let mut plan = steady(6, 30.0, 0.003, 300);
    plan.faults = vec![fault(1, 0.0, 70.0, 0.2), fault(3, 0.0, 70.0, 0.2)];
    let confirmed = run(&plan, 6);
    assert_eq!(confirmed.incidents.len(), 1);
    let incident = &confirmed.incidents[0];
    assert_eq!((endpoints(incident), &incident.onset), (vec![1, 3], &None));
    assert_eq!(incident.state, State::Recovered);
    assert!(within(&plan, incident.end.as_ref().unwrap(), 70.0 * MINUTE));
}

#[test]
fn a_burst_of_errors_within_seconds_is_a_blip() {
    let mut plan = steady(6, 40.0, 0.001, 300);
    plan.users = 1_000_000;
    let mut requests = plan.run(&mut Random(12));
    let at = |s: f64| plan.start_min * MINUTE_US + (s * 1e6) as i64;
    let burst = (0..12).map(|i| Request {
        time_us: at(9_000.0 + 0.4 * f64::from(i)),
        endpoint: 2,
        user: 90_000_000 + i as u64,
        failed: true,
    });
    requests.extend(burst);
    requests.sort_by_key(|r| (r.endpoint, r.time_us));
    let confirmed = judge(&plan, &requests);
    assert!(confirmed.incidents.is_empty());
    let expected = Blip {
        endpoint: EndpointId(2),
        first_us: at(9_000.0),
        last_us: at(9_004.4),
        errors: 12,
    };
    assert_eq!(confirmed.blips, [expected]);
}

/// A deploy brings an endpoint that fails from its first request on.
#[test]
fn an_endpoint_that_is_new_can_t_have_failed_before_its_first_request() {
    let mut plan = steady(6, 40.0, 0.002, 300);
    plan.faults = vec![fault(2, 180.0, 300.0, 0.6)];
    let mut held = 0;
    for seed in 0..10 {
        let mut requests = plan.run(&mut Random(40 + seed));
        let born_us = plan.start_min * MINUTE_US + 180 * MINUTE_US;
        requests.retain(|r| r.endpoint != 2 || r.time_us >= born_us);
        let confirmed = judge(&plan, &requests);
        let [incident] = confirmed.incidents.as_slice() else {
            panic!("{} incidents, seed {seed}", confirmed.incidents.len());
        };
        let onset = incident.onset.as_ref().unwrap();
        held += u32::from(within(&plan, onset, 180.0 * MINUTE));
        let error_s = seconds(&plan, onset.median_us) - 180.0 * MINUTE;
        assert!(error_s.abs() < 15.0, "seed {seed}: {error_s} s");
    }
    assert!(held >= 8, "{held} of 10 intervals hold");
}

/// A crawler that asks for a hundred pages in three seconds and gets an error for each.
#[test]
fn what_one_client_gets_within_seconds_is_a_blip_however_much_it_is() {
    let plan = steady(6, 40.0, 0.001, 300);
    let mut requests = plan.run(&mut Random(12));
    let burst = (0..100).map(|i| Request {
        time_us: plan.start_min * MINUTE_US + 9_000_000_000 + i * 30_000,
        endpoint: 2,
        user: 77,
        failed: true,
    });
    requests.extend(burst);
    requests.sort_by_key(|r| (r.endpoint, r.time_us));
    let confirmed = judge(&plan, &requests);
    assert!(confirmed.incidents.is_empty());
    let errors: Vec<u64> = confirmed.blips.iter().map(|blip| blip.errors).collect();
    assert_eq!(errors, [100]);
}

/// Of the endpoints asked whether they failed at that time, too, 5 % may say so by chance.
#[test]
fn a_storm_that_one_client_makes_is_told_as_such() {
    const SEEDS: u64 = 20;
    let plan = steady(6, 40.0, 0.003, 300);
    let mut alone = 0;
    for seed in 0..SEEDS {
        let mut requests = plan.run(&mut Random(13 + seed));
        let storm = (0..400).map(|i| Request {
            time_us: plan.start_min * MINUTE_US + 9_000_000_000 + i * 1_500_000,
            endpoint: 2,
            user: 77,
            failed: true,
        });
        requests.extend(storm);
        requests.sort_by_key(|r| (r.endpoint, r.time_us));
        let confirmed = judge(&plan, &requests);
        let [incident] = confirmed.incidents.as_slice() else {
            panic!("{} incidents, seed {seed}", confirmed.incidents.len());
        };
        assert!(incident.single_client, "seed {seed}");
        assert!(endpoints(incident).contains(&2), "seed {seed}");
        alone += u64::from(endpoints(incident) == [2]);
    }
    assert!(alone >= SEEDS - 2, "{alone} of {SEEDS}");
}

#[test]
fn two_faults_that_overlap_stay_two_incidents() {
    for seed in 0..10 {
        let mut plan = steady(10, 40.0, 0.003, 360);
        plan.faults = vec![
            fault(1, 180.0, 260.0, 0.2),
            fault(2, 180.0, 260.0, 0.2),
            fault(7, 200.0, 300.0, 0.2),
            fault(8, 200.0, 300.0, 0.2),
        ];
        let confirmed = run(&plan, 50 + seed);
        let hit: Vec<_> = confirmed.incidents.iter().map(endpoints).collect();
        assert_eq!(hit, [[1, 2], [7, 8]], "seed {seed}");
        let ends = confirmed.incidents.iter().map(|i| i.end.as_ref().unwrap());
        for (end, minute) in ends.zip([260.0, 300.0]) {
            assert!((seconds(&plan, end.median_us) - minute * MINUTE).abs() < 120.0);
        }
    }
}

/// A lull of half an hour on one of two endpoints, while the other goes on failing.
#[test]
fn an_endpoint_that_relapses_during_an_incident_belongs_to_it() {
    let mut plan = steady(8, 40.0, 0.003, 400);
    plan.faults = vec![
        fault(1, 180.0, 300.0, 0.2),
        fault(2, 180.0, 220.0, 0.2),
        fault(2, 250.0, 300.0, 0.2),
    ];
    let confirmed = run(&plan, 21);
    let hit: Vec<_> = confirmed.incidents.iter().map(endpoints).collect();
    assert_eq!(hit, [[1, 2]]);
    let incident = &confirmed.incidents[0];
    assert!((seconds(&plan, incident.onset.as_ref().unwrap().median_us) - 10_800.0).abs() < 60.0);
    assert!((seconds(&plan, incident.end.as_ref().unwrap().median_us) - 18_000.0).abs() < 60.0);
}

/// A tenth of the users fails for two and a half hours. Endpoints that are asked every two minutes show
/// it at some later time, by chance: told apart, each would be held against whatever change was near.
#[test]
fn what_is_seldom_asked_and_fails_late_in_an_incident_belongs_to_it() {
    let (mut covered, mut more) = (0, 0);
    for seed in 0..40 {
        let mut plan = steady(20, 10.0, 0.002, 400);
        plan.traffic[3..]
            .iter_mut()
            .for_each(|t| t.per_minute = 0.4);
        plan.users = 60;
        plan.faults = (1..20).map(|e| fault(e, 200.0, 350.0, 0.12)).collect();
        let incidents = run(&plan, seed).incidents;
        let [incident] = incidents.as_slice() else {
            let hit: Vec<Vec<u32>> = incidents.iter().map(endpoints).collect();
            panic!("seed {seed}: {hit:?}");
        };
        let onset = incident.onset.as_ref().unwrap();
        covered += usize::from(within(&plan, onset, 200.0 * MINUTE));
        more += endpoints(incident).len() - 2;
    }
    assert!(covered >= 36, "{covered} of 40");
    assert!(more >= 40, "{more} of 40 times 17");
}

/// As seldom asked, but it answered forty requests in the incident before all fail: a fault of its own.
#[test]
fn what_was_fine_for_most_of_an_incident_is_another() {
    for seed in 0..20 {
        let mut plan = steady(4, 10.0, 0.002, 420);
        plan.traffic[2].per_minute = 0.4;
        plan.faults = vec![fault(1, 200.0, 400.0, 0.25), fault(2, 300.0, 390.0, 1.0)];
        let incidents = run(&plan, seed).incidents;
        let hit: Vec<Vec<u32>> = incidents.iter().map(endpoints).collect();
        assert_eq!(hit, [vec![1], vec![2]], "seed {seed}");
    }
}

/// 600 requests a minute of which 15 % fail: the mean wait for the first failure is 0.67 s.
#[test]
fn heavy_traffic_dates_an_onset_to_seconds() {
    let (mut covered, mut narrow) = (0, 0);
    for seed in 0..20 {
        let mut plan = steady(2, 600.0, 0.002, 120);
        let from_s = 3_600.0 + 3.7 * seed as f64;
        let hit = Fault {
            endpoint: 1,
            from_s,
            to_s: 6_000.0,
            share: 0.15,
            of_users: false,
        };
        plan.faults = vec![hit];
        let confirmed = run(&plan, 100 + seed);
        assert_eq!(confirmed.incidents.len(), 1);
        let onset = confirmed.incidents[0].onset.as_ref().unwrap();
        covered += usize::from(within(&plan, onset, from_s));
        narrow += usize::from(onset.high_us - onset.low_us < 10_000_000);
        let total: f64 = onset.posterior.iter().map(|(_, p)| p).sum();
        assert!((total - 1.0).abs() < 1e-9 && onset.posterior.is_sorted_by_key(|(t, _)| *t));
    }
    assert!(
        covered >= 17 && narrow >= 15,
        "{covered} covered, {narrow} narrow, of 20"
    );
}

#[test]
fn a_slow_rise_is_dated_to_its_begin() {
    let mut covered = 0;
    for seed in 0..10 {
        let mut plan = steady(3, 120.0, 0.002, 360);
        // Steps of a minute, up to 30 % after 20 minutes.
        plan.faults = (0..20)
            .map(|i| Fault {
                of_users: false,
                ..fault(1, 180.0 + f64::from(i), 260.0, 0.3 / 20.0)
            })
            .collect();
        let confirmed = run(&plan, 200 + seed);
        assert_eq!(confirmed.incidents.len(), 1);
        covered += usize::from(within(
            &plan,
            confirmed.incidents[0].onset.as_ref().unwrap(),
            10_800.0,
        ));
    }
    assert!(covered >= 8, "{covered} of 10");
}

#[test]
fn nothing_comes_of_nothing() {
    let set = steady(1, 1.0, 0.0, 10).series(&[]);
    let confirmed = incidents(&[], &[], &set);
    assert!(confirmed.incidents.is_empty() && confirmed.blips.is_empty());
}

/// Rates that wander by a factor of three over hours leave little certain. Ten points more failures of
/// anybody, of 5,000 users, are then seen late or not at all, but never laid to one client.
#[test]
fn a_weak_excess_of_many_in_a_restless_log_is_no_single_client() {
    let mut found = 0;
    for seed in 0..30 {
        let mut plan = steady(6, 13.0, 0.02, 480);
        (plan.sigma, plan.memory) = (1.0, 0.98);
        plan.faults = vec![Fault {
            of_users: false,
            ..fault(2, 300.0, 480.0, 0.10)
        }];
        let confirmed = run(&plan, seed);
        found += confirmed.incidents.len();
        assert!(
            confirmed.incidents.iter().all(|i| !i.single_client),
            "seed {seed}"
        );
    }
    assert!(found > 0);
}
