//! Every number that the verdict rests on, with where it comes from.
//!
//! *Judgement* marks a starting point that was set by reasoning and waits to be fitted on recorded
//! incidents; nothing here was tuned to a single case. Weights and likelihood ratios are in nats.

use crate::changes::{Kind, Status};

/// A day, in seconds.
pub(super) const DAY_S: f64 = 86_400.0;

/// How far back a change can be a cause: 24 h (the lag's longest component is cut there).
pub(super) const REACH_US: i64 = 86_400_000_000;

/// Standard deviation of the difference between the markers' clock and the logs', in seconds.
pub(super) const SKEW_S: f64 = 30.0;

/// A change is out of question when the onset lies more than this many [`SKEW_S`] before it…
pub(super) const VETO_SIGMAS: f64 = 3.0;

/// …with at least this probability.
pub(super) const VETO_PROBABILITY: f64 = 0.99;

/// Rollout assumed before a marker that dates only the end, in µs (30 min).
pub(super) const UNKNOWN_ROLLOUT_US: i64 = 1_800_000_000;

/// Probability that a deploy causes an incident that the logs show. *Judgement.*
pub(super) const CAUSE_PROBABILITY: f64 = 0.05;

/// Share of the incidents found in logs that a listed change causes. Of outages big enough for a
/// postmortem it is 0.68 (binary push 37 % + configuration push 31 %; Google, Site Reliability
/// Workbook, appendix C), of all of a bank's incidents 0.50 (SCWarn, FSE 2021); what a program finds
/// is smaller still, and more of it comes by itself. Fitted (docs/detection.md §12).
pub(super) const SHARE_BY_CHANGE: f64 = 0.30;

/// Least rate of incidents that no change causes: one in 10 days, per second. *Judgement.*
pub(super) const LEAST_BACKGROUND_PER_S: f64 = 1.0 / (10.0 * DAY_S);

/// Changes are counted over an hour at least, in µs: two a minute apart are no rate of 1,440 a day.
pub(super) const LEAST_COUNTED_US: i64 = 3_600_000_000;

/// How often a sort of change breaks something, against a deploy. *Judgement.*
pub(super) fn kind_factor(kind: Kind) -> f64 {
    match kind {
        Kind::Deploy | Kind::Config | Kind::Migration => 1.0,
        Kind::Flag | Kind::Infra => 0.8,
        Kind::Rollback => 0.3,
    }
}

/// How likely a change took effect at all, by what became of it. A failed rollout has touched part
/// of its hosts; a cancelled one seldom any. *Judgement.*
pub(super) fn status_factor(status: Option<Status>) -> f64 {
    match status {
        Some(Status::Failed) => 0.3,
        Some(Status::Cancelled) => 0.1,
        Some(Status::Succeeded | Status::InProgress) | None => 1.0,
    }
}

/// Factor for a change outside production where others are in production: staging now and then
/// shares a database or a queue with it, no more. *Judgement.*
pub(super) const OTHER_ENVIRONMENT_FACTOR: f64 = 0.1;

/// Words in an environment's name that place it outside production; looked for first, so that
/// `pre-prod` is not production.
pub(super) const OUTSIDE_PRODUCTION: [&str; 20] = [
    "staging",
    "stage",
    "stg",
    "dev",
    "devel",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "pre",
    "preprod",
    "preproduction",
    "preview",
    "nonprod",
    "non",
    "sandbox",
    "ci",
    "local",
    "demo",
];

/// Words in an environment's name that place it in production.
pub(super) const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// Lag mixture: a lognormal of this median, in seconds… *Judgement.*
pub(super) const LAG_MEDIAN_S: f64 = 100.0;
/// …and this log standard deviation,
pub(super) const LAG_SIGMA: f64 = 1.0;
/// with this weight;
pub(super) const LAG_WEIGHT_LOGNORMAL: f64 = 0.65;
/// Share of the changes with a rollout of known length that are felt as if all of it were at its begin (judgement).
pub(super) const LAG_AT_BEGIN: f64 = 0.5;
/// any time during the rollout,
pub(super) const LAG_WEIGHT_ROLLOUT: f64 = 0.15;
/// the next round time of the clock (a scheduled job, a cache that is filled hourly),
pub(super) const LAG_WEIGHT_CLOCK: f64 = 0.10;
/// or slowly (a leak, a cache that expires): exponential with this mean in seconds, cut at 24 h.
pub(super) const LAG_WEIGHT_SLOW: f64 = 0.10;
/// Mean of the slow component, in seconds (6 h).
pub(super) const LAG_SLOW_MEAN_S: f64 = 21_600.0;
/// Rollout of unknown length, in seconds (30 min).
pub(super) const LAG_UNKNOWN_ROLLOUT_S: f64 = 1_800.0;
/// Shortest rollout, in seconds.
pub(super) const LAG_LEAST_ROLLOUT_S: f64 = 60.0;
/// What begins at a round time begins within this many seconds,
pub(super) const CLOCK_WINDOW_S: f64 = 120.0;
/// from so many before it on: some logs cut times to the second or give those of a request's begin, and an onset lies
/// before the first failure.
pub(super) const CLOCK_EARLY_S: f64 = 5.0;

/// Weight of scope: endpoints of one service are not independent witnesses. *Judgement.*
pub(super) const SCOPE_WEIGHT: f64 = 0.7;
/// Bounds of scope before weighting.
pub(super) const SCOPE_CLIP: f64 = 6.0;
/// Share of causes without a marker that are confined to no service: a network, a database, a
/// partner that several services call. *Judgement.*
pub(super) const UNCONFINED: f64 = 0.25;
/// Route groups that scope looks at.
pub(super) const SCOPE_GROUPS: usize = 6;
/// P(an endpoint inside the cause's footprint is hit), and the same without a cause there.
pub(super) const HIT_INSIDE: (f64, f64) = (0.30, 0.05);
/// P(an endpoint outside the cause's footprint is hit), and the same for any change.
pub(super) const HIT_OUTSIDE: (f64, f64) = (0.01, 0.05);
/// P(an endpoint inside the cause's footprint is spared), and the same without a cause there.
pub(super) const SPARED_INSIDE: (f64, f64) = (0.70, 0.95);

/// Recovery after the undo: a lognormal of this median, in seconds (3 min)… *Judgement.*
pub(super) const RECOVERY_MEDIAN_S: f64 = 180.0;
/// …this log standard deviation
pub(super) const RECOVERY_SIGMA: f64 = 1.0;
/// and this weight; the rest is any time during the undo's rollout.
pub(super) const RECOVERY_WEIGHT_LOGNORMAL: f64 = 0.7;
/// Rate at which incidents end by themselves: once an hour, per second. *Judgement.*
pub(super) const RECOVERY_BY_ITSELF_PER_S: f64 = 1.0 / 3600.0;
/// Bounds of the rollback's evidence; the lower is also the worth of "undone, and it went on".
pub(super) const ROLLBACK_CLIP: (f64, f64) = (-2.3, 4.0);
/// Worth of a recovery clearly before the undo.
pub(super) const RECOVERED_BEFORE_UNDO: f64 = -1.2;
/// Worth of a rate that fell within ten minutes of the undo, but not to what it was, or not until much later: expected
/// in half of the guilty changes of which something remains (*judgement*), against one end an hour by
/// itself: ln(0.5/(10/60)).
pub(super) const UNDONE_IN_PART: f64 = 1.098_612_288_668_109_8;
/// Worth of a recovery that nothing listed brought about: four in ten of the guilty changes that are
/// over were ended by what no list shows, and all that ends by itself: ln 0.4. *Judgement.*
pub(super) const ENDED_UNDONE_BY_NONE: f64 = -0.916_290_731_874_155;
/// What was over sooner than this may have been the change itself at work, in µs (10 min).
pub(super) const AT_WORK_US: i64 = 600_000_000;
/// After this long without recovery the undo has not helped, in µs (30 min).
pub(super) const UNDO_PATIENCE_US: i64 = 1_800_000_000;

/// Shares of the three other causes among incidents that no change causes. *Judgement.*
pub(super) const SHARE_DEPENDENCY: f64 = 0.40;
/// See [`SHARE_DEPENDENCY`].
pub(super) const SHARE_LOAD: f64 = 0.15;
/// See [`SHARE_DEPENDENCY`].
pub(super) const SHARE_UNKNOWN: f64 = 0.45;

/// Bounds of the evidence for a dependency. *Judgement*, as all of its parts.
pub(super) const DEPENDENCY_CLIP: f64 = 4.0;
/// Several services without a change in common fail together.
pub(super) const SEVERAL_SERVICES: f64 = 1.5;
/// One service of at least [`SERVICES_TO_COMPARE`] fails.
pub(super) const ONE_SERVICE: f64 = -1.0;
/// Services that must be able to show a failure before "only one fails" means something.
pub(super) const SERVICES_TO_COMPARE: usize = 3;
/// Share of the failures that makes a status dominant.
pub(super) const DOMINANT_STATUS: f64 = 0.8;
/// Worth of mostly 502, 503, 504 (a proxy that can't reach what it calls), and minus that of mostly 500.
pub(super) const GATEWAY_STATUSES: f64 = 1.0;
/// Worth of slow failures, and minus that of fast ones.
pub(super) const FAILURE_LATENCY: f64 = 1.0;
/// Failures are slow from this multiple of the successes' median,
pub(super) const SLOW_FAILURES: f64 = 5.0;
/// and fast below this one.
pub(super) const FAST_FAILURES: f64 = 0.5;
/// Round time-outs that clients and proxies come configured with, in seconds.
pub(super) const TIMEOUTS_S: [f64; 11] = [
    1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 90.0, 120.0,
];
/// A time-out shows from 2 % before it (timer granularity) to 5 % after it (what surrounds it).
pub(super) const TIMEOUT_BAND: (f64, f64) = (0.98, 1.05);

/// Bounds of the evidence for load. *Judgement*, as all of its parts.
pub(super) const LOAD_CLIP: f64 = 3.0;
/// Requests at least [`SURGE`] times the expectation before the onset.
pub(super) const LOAD_SURGE: f64 = 2.0;
/// The multiple of the expectation that is a surge.
pub(super) const SURGE: f64 = 2.0;
/// Fewer requests are no surge.
pub(super) const LEAST_OF_A_SURGE: u64 = 20;
/// The error rate used to follow the load.
pub(super) const LOAD_CURVE: f64 = 1.0;
/// Requests within [`ORDINARY_LOAD`] of the expectation.
pub(super) const LOAD_ORDINARY: f64 = -2.0;
/// Relative deviation from the expectation that is ordinary.
pub(super) const ORDINARY_LOAD: f64 = 0.2;

/// Tempering of the posterior: evidence is less independent than it is added up as. *Judgement.*
pub(super) const TEMPERATURE: f64 = 1.0;
/// What changes with nothing but timing may have together: on 51 faulty rollouts with several
/// under way, the latest change before detection was the cause in 47 %.
pub(super) const TIMING_CAP: f64 = 0.80;
/// Share of the incidents that no listed change causes in which one host of several fails alone: a
/// full disk, bad memory, a process that hangs. *Judgement.*
pub(super) const ONE_HOST_BY_ITSELF: f64 = 0.2;
/// The same of those that a change causes which reached other hosts, too. *Judgement.*
pub(super) const ONE_HOST_IF_EVERYWHERE: f64 = 0.02;
/// The same where it is not known which hosts it reached: a rollout may stop at the first. *Judgement.*
pub(super) const ONE_HOST_IF_PERHAPS: f64 = 0.1;
/// Share of the excess that one host alone has.
pub(super) const ONE_HOST_COVERAGE: f64 = 0.9;
/// Failures that another host must lead to expect, at that one's rate, to be found spared.
pub(super) const ONE_HOST_LEAST_FAILURES: f64 = 5.0;

/// What changes may have together whose time and place contradict each other: less likely than not,
/// so that a deploy is not named because it was the last before an incident of some other service,
/// nor because it is the only one of the service in a day. *Judgement.*
pub(super) const CONTRADICTED_CAP: f64 = 0.45;
/// Evidence of an effect from which on a change that failed, was cancelled or was done outside
/// production has taken effect all the same.
pub(super) const DECISIVE_EFFECT: f64 = 1.0;
/// What failed rollouts may have together without it: they may have touched part of the hosts, and
/// are worth a look, but not a name. *Judgement.*
pub(super) const LITTLE_EFFECT_CAP: f64 = 0.45;
/// From here on, in nats, a change is held for one without effect: cancelled, or not in production.
pub(super) const HARDLY_ANY_EFFECT: f64 = -2.0;
/// What such changes may have together without it: less than what makes an incident unexplained.
/// *Judgement.*
pub(super) const HARDLY_ANY_EFFECT_CAP: f64 = 0.25;
/// Evidence of this worth counts as a kind of its own.
pub(super) const EVIDENCE_COUNTS: f64 = 1.0;
/// The best change is named from here on…
pub(super) const NAMED_FROM: f64 = 0.5;
/// …and this far above the second;
pub(super) const NAMED_GAP: f64 = 0.10;
/// where timing alone tells the two apart, it must also be this many times as probable.
pub(super) const NAMED_RATIO_BY_TIMING: f64 = 2.0;
/// Two changes differ in more than timing from here on, in nats of everything else.
pub(super) const SAME_EVIDENCE: f64 = 0.5;
/// Nothing is named where the best change is below this.
pub(super) const UNEXPLAINED_BELOW: f64 = 0.3;
/// A verdict is strong from here on…
pub(super) const STRONG_FROM: f64 = 0.9;
/// …with this many kinds of evidence.
pub(super) const STRONG_KINDS: usize = 2;
/// A change less probable than this is cleared: one in twenty.
pub(super) const CLEARED_BELOW: f64 = 0.05;

/// An endpoint could have shown the effect with at least this many failures more…
pub(super) const POWER_FAILURES: f64 = 3.0;
/// …and this probability to notice them…
pub(super) const POWER: f64 = 0.8;
/// …at this level.
pub(super) const POWER_ALPHA: f64 = 0.01;
/// Requests beyond which the over-dispersion, not their number, limits what can be seen.
pub(super) const POWER_REQUESTS: u64 = 100_000;

/// Whole minutes compared before and after an attempted fix.
pub(super) const FIX_MINUTES: usize = 10;
/// Minutes left out after it, in which it takes effect.
pub(super) const FIX_SETTLES_MIN: i64 = 2;
/// A rate has changed when it differs by this many standard errors…
pub(super) const FIX_SIGMAS: f64 = 3.0;
/// …and by this share of what it was.
pub(super) const FIX_EFFECT: f64 = 0.10;
/// It may stay at a rate that fell by this share: less is seen in what wanders by itself.
pub(super) const FIX_EFFECT_FAR: f64 = 0.25;

/// What failing requests have in common covers at least this share of the excess…
pub(super) const COMMON_COVERAGE: f64 = 0.9;
/// …with at most so many conditions,
pub(super) const COMMON_DEPTH: usize = 3;
/// of which so many sets are followed at a time;
pub(super) const COMMON_BEAM: usize = 5;
/// each condition leaves at most this share of the requests… *Judgement.*
pub(super) const COMMON_NARROWS: f64 = 0.9;
/// …which fail at least so many times as often as the others…
pub(super) const COMMON_LIFT: f64 = 2.0;
/// …and is that by chance with less than this probability, all values tried together.
pub(super) const COMMON_ALPHA: f64 = 0.01;

/// Bounds of the contrast between new and old.
pub(super) const CONTRAST_CLIP: (f64, f64) = (-8.0, 6.0);
/// A contrast needs so many requests on either side.
pub(super) const CONTRAST_POWER: u64 = 10;
/// Below so many failures two rates are compared exactly…
pub(super) const CONTRAST_FEW_FAILURES: u64 = 10;
/// …and below so many on either side, where an odds ratio has no normal law…
pub(super) const CONTRAST_FEW_OF_A_SIDE: u64 = 3;
/// …each a priori beta distributed with these: 5 %, known as from ten requests. *Judgement.*
pub(super) const CONTRAST_RATE_PRIOR: (f64, f64) = (0.5, 9.5);
/// Prior variance of the log odds ratio that a bad change makes: 1.5², an odds ratio between 1/20 and
/// 20 in nineteen of twenty cases. *Judgement.*
pub(super) const CONTRAST_EFFECT_VARIANCE: f64 = 2.25;
/// Spread of the log odds ratio that the cause of an incident has, as a part of what it would be if it
/// alone made the incident. *Judgement.*
pub(super) const CONTRAST_CAUSE_SPREAD: f64 = 0.25;
/// Variance of a host's log odds among hosts that run the same: their odds differ by about 35 %.
/// *Judgement.*
pub(super) const CONTRAST_HOST_VARIANCE: f64 = 0.125;

/// A version is new if its service was watched for so long without it, µs (10 min)…
pub(super) const UNMARKED_PAST_US: i64 = 600_000_000;
/// …in so many requests…
pub(super) const UNMARKED_PAST: u64 = 20;
/// …and it answered at least so many.
pub(super) const UNMARKED_LEAST_REQUESTS: u64 = 3;
/// A service with more versions than this within hours has something else in that field.
pub(super) const UNMARKED_MOST_VERSIONS: usize = 16;
/// A marker without a version accounts for one that comes up so long after it, µs (30 min)…
pub(super) const UNMARKED_MARKER_BEFORE_US: i64 = 1_800_000_000;
/// …or so long before it, µs (5 min): some systems write the marker when all is done.
pub(super) const UNMARKED_MARKER_AFTER_US: i64 = 300_000_000;
/// Clocks that are wrong by their zone are off by whole steps of this, µs (15 min)…
pub(super) const SHIFT_STEP_US: i64 = 900_000_000;
/// …and by so much more or less, µs (90 s).
pub(super) const SHIFT_TOLERANCE_US: i64 = 90_000_000;
/// So many markers must agree on a shift.
pub(super) const SHIFT_LEAST_MARKERS: usize = 2;

/// Weight of error messages: one fault writes many. *Judgement.*
pub(super) const MESSAGE_WEIGHT: f64 = 0.7;
/// Worth of a message that was not there before a change, and minus that of one which was.
pub(super) const MESSAGE_NATS: f64 = 2.0;
/// Worth of a stack trace in a file that the change touched.
pub(super) const STACK_NATS: f64 = 3.0;
/// A service must have been listened to for so long to know what is new, µs (10 min).
pub(super) const MESSAGE_PAST_US: i64 = 600_000_000;
/// A message surges with at least so many lines…
pub(super) const MESSAGE_LEAST: u64 = 3;
/// …and so many times as many as before…
pub(super) const MESSAGE_SURGE: f64 = 3.0;
/// …which by chance has less than this probability; up to 256 templates of a service are asked.
pub(super) const MESSAGE_CHANCE: f64 = 1e-4;
/// A message was common before a change from this share of its rate since the onset.
pub(super) const MESSAGE_COMMON: f64 = 0.5;
/// Worth of messages that tell of something called which did not answer, for a dependency.
pub(super) const OUT_OF_REACH: f64 = 1.0;

/// A host (region, kind of client) can show that it is the trouble with so many errors to be expected…
pub(super) const ALIKE_LEAST_ERRORS: f64 = 5.0;
/// …and is not if none fails so many times as often as another. *Judgement.*
pub(super) const ALIKE_RATIO: f64 = 2.0;
/// Versions that were compared and fail alike, for a dependency.
pub(super) const EQUAL_VERSIONS: f64 = 1.0;
/// A contrast of so many nats says that they do.
pub(super) const EQUAL_FROM: f64 = -2.0;

/// Services whose failures are compared with each other, those with the most.
pub(super) const RELAY_SERVICES: usize = 12;

/// … over so many cells of 10 s from the onset on: six hours.
pub(super) const RELAY_SPAN: usize = 2_160;

/// … each with at least so many failures …
pub(super) const RELAY_LEAST: u64 = 20;

/// … and shifted by so many cells at most either way: a minute, the longest time-out in common use.
pub(super) const RELAY_LAGS: isize = 6;

/// Two services tell of the same requests where χ² lies so many standard deviations below that of
/// independent failures: 10⁻⁶ of chance, for some hundreds of comparisons …
pub(super) const AS_ONE_DEVIATIONS: f64 = 5.0;

/// … and is at most this share of it. A caller that sees the share r of the other's failures has
/// (1 − r)/(1 + r): here a quarter of them.
pub(super) const AS_ONE_RATIO: f64 = 0.6;

/// From this share of it on they are taken to be independent. *Judgement.*
pub(super) const APART_RATIO: f64 = 0.8;

/// What agrees better than this at most shifts is regular by itself, and no bond: asked in turn or by a
/// timer. *Judgement.*
pub(super) const REGULAR_BELOW: f64 = 0.5;

/// Whether a service logs less than it is asked is seen in so many minutes after the onset's.
pub(super) const LOST_WITHIN_MIN: usize = 60;

/// Size of the negative binomial law of an hour's requests, after those of the hour before: they vary by
/// 15 % without any fault. *Judgement.*
pub(super) const TRAFFIC_SIZE: f64 = 44.0;

/// As few requests as this by chance are missing.
pub(super) const LOST_BY_CHANCE: f64 = 1e-6;

/// Requests missing beneath a caller, against those that it fails beyond the usual: about as many, with
/// room for what comes back after a failure and for what users give up. *Judgement.*
pub(super) const LOST_AGAINST_EXCESS: std::ops::RangeInclusive<f64> = 0.5..=2.0;

/// Requests of a service against those that its caller answers well, where they are the same ones.
pub(super) const SAME_REQUESTS: std::ops::RangeInclusive<f64> = 0.9..=1.1;
