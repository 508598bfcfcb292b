//! Exit 0 survives a kill of any process, and a killed process leaves the old or the new credential.

use std::time::{Duration, Instant};

use docker_credential_tests::login::Login;

use crate::broken::Subject;
use crate::model::{Answer, Model, Step, Tally, answer};
use crate::scale::{report, scale, share};

/// Kills a helper at a random moment in this many runs, with one store.
fn kill_at_random(subject: Subject, kills: usize) -> Tally {
    let mut random = fastrand::Rng::new();
    let mut model = Model::new(subject.place(), 5);
    let usual = usual_duration(&mut model);
    while model.tally.cut_short < kills {
        let step = model.random_step(&mut random);
        // Up to after the end, so that the last system calls are as likely as the others.
        model.carry_out(&step, Some(usual.mul_f64(random.f64() * 1.2)));
        let (Step::Store(server, _) | Step::Erase(server)) = step;
        model.check(server);
        if random.u8(..50) == 0 {
            model.check_all();
        }
    }
    model.check_all();
    if let Subject::Sound = subject {
        model.assert_tidy_after_a_store();
    }
    model.tally
}

fn usual_duration(model: &mut Model) -> Duration {
    let mut durations: Vec<Duration> = (0..21)
        .map(|run| {
            let started = Instant::now();
            model.carry_out(&Step::Store(0, format!("warm up {run}")), None);
            started.elapsed()
        })
        .collect();
    durations.sort_unstable();
    durations[10]
}

#[test]
fn what_is_acknowledged_survives_the_death_of_any_process() {
    let tally = Tally::sum(share(scale(2_000, 100_000), |kills| {
        kill_at_random(Subject::Sound, kills)
    }));
    report("1 random SIGKILL against a model", &tally.to_string());
    assert_eq!(tally.violations(), 0, "{tally}");
}

#[test]
fn control_a_helper_that_writes_in_place_is_caught() {
    let tally = kill_at_random(Subject::Broken("writes-in-place"), 300);
    report("1 control: writes in place", &tally.to_string());
    assert!(tally.torn > 0, "{tally}");
}

#[test]
fn control_a_helper_that_removes_first_is_caught() {
    let lost = (0..20).map(|_| kill_at_random(Subject::Broken("removes-first"), 100).lost);
    assert!(lost.into_iter().any(|lost| lost > 0));
}

#[test]
fn a_first_login_that_is_killed_can_be_made_again() {
    let runs = scale(300, 10_000);
    let killed: usize = share(runs, |runs| {
        let mut random = fastrand::Rng::new();
        let mut killed = 0;
        for _ in 0..runs {
            let mut model = Model::new(Subject::Sound.place(), 1);
            let limit = Duration::from_micros(random.u64(..3_000));
            model.carry_out(&Step::Store(0, "first".into()), Some(limit));
            killed += model.tally.cut_short;
            let answer = answer(&model.place, model.server(0));
            assert!(
                answer == Answer::Is(None) || answer == Answer::Is(Some("first".into())),
                "{answer:?}"
            );
            model.place.store(model.server(0), &Login::new("user", "second"));
            model.conclude(
                &Step::Store(0, "second".into()),
                std::process::ExitStatus::default(),
            );
            model.check(0);
            assert_eq!(model.tally.violations(), 0, "{}", model.tally);
        }
        killed
    })
    .into_iter()
    .sum();
    report(
        "1 first logins",
        &format!("{killed} of {runs} killed: 0 stores that are stuck"),
    );
    assert!(killed > 0);
}
