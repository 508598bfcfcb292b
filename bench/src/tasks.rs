//! The timed tasks: the rows of the table.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use docker_credential_tests::program::find;

use crate::contender::{Contender, Contenders};
use crate::measure::{Call, Expected, Patience, Work, instructions, medians, resource};
use crate::say;
use crate::stores::{Stores, World};

/// How thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// To check that everything runs.
    Quick,
    /// To measure.
    Full,
}

impl Effort {
    /// Sizes of stores, ascending; the first three are in every run.
    fn sizes(self) -> &'static [usize] {
        match self {
            Self::Quick => &[1, 10, 100],
            Self::Full => &[1, 10, 100, 1_000, 5_000, 10_000],
        }
    }

    fn patience(self) -> Patience {
        match self {
            Self::Quick => Patience {
                at_least: 1,
                at_most: 3,
                budget: Duration::from_secs(1),
            },
            Self::Full => Patience {
                at_least: 11,
                at_most: 300,
                budget: Duration::from_secs(15),
            },
        }
    }
}

/// The task of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Start,
    /// From a store of this size.
    Get(usize),
    /// A get of what isn't in a store of this size.
    Miss(usize),
    Store,
    List(usize),
    /// A classic build: 1 list and 100 gets.
    ClassicBuild,
    /// Parallel gets, as compose does.
    ParallelGets,
    /// A get by docker-credential-age in a store of this size.
    GetAmong(usize),
    /// A get by docker-credential-age from a store that a team shares.
    TeamGet,
    /// A list by docker-credential-age of that store's 10 logins.
    TeamList,
    /// A get by docker-credential-age whose identity has a passphrase and is unlocked.
    UnlockedGet,
    /// Instructions of a get, in user space.
    Instructions,
    /// Pages that the kernel maps in during a get.
    PageFaults,
    PeakMemory,
    BinarySize,
}

/// The number of images that a compose file pulls at once.
pub(crate) const PARALLEL: usize = 50;

/// One row: each contender's result, in seconds, bytes or counts.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) task: Task,
    pub(crate) rounds: usize,
    pub(crate) values: Vec<(Contender, f64)>,
    /// Contenders that failed the task.
    pub(crate) failed: Vec<Contender>,
}

impl Row {
    pub(crate) fn value(&self, contender: Contender) -> Option<f64> {
        let found = self.values.iter().find(|(found, _)| *found == contender);
        found.map(|(_, value)| *value)
    }
}

/// Creates the stores, and times everything.
pub(crate) fn run(contenders: &Contenders, effort: Effort) -> Vec<Row> {
    let world = World::new(contenders);
    let mut all: Vec<Stores<'_>> = Vec::new();
    for &size in effort.sizes() {
        say(&format!("preparing stores of {size}"));
        all.push(Stores::new(&world, size, all.last()));
    }
    let bench = Bench { contenders, effort };
    let [one, ten, hundred, ..] = &all[..] else {
        unreachable!("every effort has three sizes at least");
    };

    let mut rows = vec![bench.start()];
    for stores in [one, ten] {
        rows.push(bench.row(Task::Get(stores.size), stores, |stores, helper| {
            Work::one(stores.get(helper, stores.size / 2))
        }));
    }
    for stores in [one, hundred] {
        rows.push(bench.row(Task::Miss(stores.size), stores, |stores, helper| {
            Work::one(stores.miss(helper))
        }));
    }
    rows.push(bench.row(Task::Store, ten, |stores, helper| {
        Work::one(stores.store(helper, stores.size / 2))
    }));
    for stores in all
        .iter()
        .filter(|stores| [1, 10, 100, 1_000, 10_000].contains(&stores.size))
    {
        rows.push(bench.row(Task::List(stores.size), stores, |stores, helper| {
            Work::one(stores.list(helper))
        }));
    }
    rows.push(bench.row(Task::ClassicBuild, hundred, |stores, helper| {
        let gets = (0..stores.size).map(|number| stores.get(helper, number));
        Work::InTurn(std::iter::once(stores.list(helper)).chain(gets).collect())
    }));
    rows.push(bench.row(Task::ParallelGets, hundred, |stores, helper| {
        Work::AtOnce((0..PARALLEL).map(|number| stores.get(helper, number)).collect())
    }));
    let others = all
        .iter()
        .filter(|stores| stores.size > 10 && ![100, 1_000].contains(&stores.size));
    let large: Vec<&Stores<'_>> = std::iter::once(ten).chain(others).collect();
    rows.extend(bench.get_among(&large));
    if contenders.have(Contender::Age) {
        let team = ten.team();
        rows.push(bench.alone(Task::TeamGet, team.get(Contender::Age, 5)));
        rows.push(bench.alone(Task::TeamList, team.list(Contender::Age)));
        rows.push(bench.alone(Task::UnlockedGet, ten.unlocked().get(Contender::Age, 5)));
    }
    rows.extend(bench.counted(Task::Instructions, one));
    rows.extend(bench.counted(Task::PageFaults, one));
    rows.extend(bench.counted(Task::PeakMemory, hundred));
    rows.push(bench.binary_size());
    rows
}

struct Bench<'a> {
    contenders: &'a Contenders,
    effort: Effort,
}

impl Bench<'_> {
    /// One task of every helper with a store in `stores`. Includes the cost of starting any program next to a
    /// get, under the same conditions, after its rivals.
    fn row(&self, task: Task, stores: &Stores<'_>, work: impl Fn(&Stores<'_>, Contender) -> Work) -> Row {
        let measured: Vec<Contender> = Contender::ALL
            .into_iter()
            .filter(|contender| self.contenders.have(*contender))
            .filter(|contender| match contender {
                Contender::True | Contender::Hello => matches!(task, Task::Get(_)),
                Contender::RawKeyring => matches!(task, Task::Get(_)) && stores.has(*contender),
                // An environment can't be written to.
                Contender::Env if task == Task::Store => false,
                helper => stores.has(*helper),
            })
            .collect();
        let work = |contender: &Contender| match contender {
            Contender::True | Contender::Hello => Work::one(self.started(*contender)),
            helper => work(stores, *helper),
        };
        self.measured(task, &measured, measured.iter().map(work).collect())
    }

    fn measured(&self, task: Task, contenders: &[Contender], mut works: Vec<Work>) -> Row {
        say(&format!("timing {task:?}"));
        let (times, rounds) = medians(&mut works, self.effort.patience());
        let mut row = Row {
            task,
            rounds,
            values: Vec::new(),
            failed: Vec::new(),
        };
        for (contender, time) in contenders.iter().copied().zip(times) {
            match time {
                Ok(time) => row.values.push((contender, time)),
                Err(failure) => {
                    say(&failure);
                    row.failed.push(contender);
                }
            }
        }
        row
    }

    fn start(&self) -> Row {
        let there: Vec<Contender> = self.programs().collect();
        let works = there
            .iter()
            .map(|contender| Work::one(self.started(*contender)))
            .collect();
        self.measured(Task::Start, &there, works)
    }

    fn started(&self, contender: Contender) -> Call {
        let mut command = Command::new(self.program(contender));
        command.env_clear();
        let reply = match contender {
            Contender::True => "",
            Contender::Hello => "hello",
            _ => {
                command.arg("version");
                "docker-credential-"
            }
        };
        Call::new(command, "", Expected::Reply(reply.to_owned()))
    }

    /// The same credential from stores of several sizes, in turn.
    fn get_among(&self, all: &[&Stores<'_>]) -> Vec<Row> {
        if !self.contenders.have(Contender::Age) || all.len() < 2 {
            return Vec::new();
        }
        say("timing get in stores of several sizes");
        let get = |stores: &&Stores<'_>| Work::one(stores.get(Contender::Age, 5));
        let mut works: Vec<Work> = all.iter().map(get).collect();
        let (times, rounds) = medians(&mut works, self.effort.patience());
        let rows = all.iter().zip(times);
        rows.map(|(stores, time)| Row {
            task: Task::GetAmong(stores.size),
            rounds,
            values: vec![(Contender::Age, time.unwrap_or_else(|failure| panic!("{failure}")))],
            failed: Vec::new(),
        })
        .collect()
    }

    /// One call of docker-credential-age, without a counterpart in other helpers.
    fn alone(&self, task: Task, call: Call) -> Row {
        self.measured(task, &[Contender::Age], vec![Work::one(call)])
    }

    /// Counted tasks. They need a tool, and don't depend on the machine's load.
    fn counted(&self, task: Task, stores: &Stores<'_>) -> Option<Row> {
        let tool = if task == Task::Instructions {
            "valgrind"
        } else {
            "time"
        };
        let Ok(tool) = find(tool) else {
            say(&format!("skipping {task:?}: {tool} is not installed"));
            return None;
        };
        say(&format!("counting {task:?}"));
        let call = |contender| match contender {
            Contender::True | Contender::Hello => self.started(contender),
            helper => stores.get(helper, stores.size / 2),
        };
        let count = |contender| match task {
            Task::Instructions => instructions(&tool, call(contender)),
            Task::PageFaults => resource(&tool, "%R", call(contender)),
            _ => resource(&tool, "%M", call(contender)).map(|kilobytes| kilobytes * 1024.0),
        };
        let there = self.programs().filter(|contender| {
            (!Contender::HELPERS.contains(contender) || stores.has(*contender))
                // valgrind only sees the program itself, but pass does most work in its children.
                && (task != Task::Instructions || *contender != Contender::Pass)
        });
        let values = there.filter_map(|contender| Some((contender, count(contender)?)));
        Some(Row {
            task,
            rounds: 1,
            values: values.collect(),
            failed: Vec::new(),
        })
    }

    fn binary_size(&self) -> Row {
        let size = |contender| {
            let size = self
                .program(contender)
                .metadata()
                .expect("a program has a size")
                .len();
            #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
            let size = size as f64;
            size
        };
        Row {
            task: Task::BinarySize,
            rounds: 1,
            values: self
                .programs()
                .map(|contender| (contender, size(contender)))
                .collect(),
            failed: Vec::new(),
        }
    }

    /// Those whose start, memory and size say something: the raw client is there for its gets.
    fn programs(&self) -> impl Iterator<Item = Contender> {
        Contender::ALL
            .into_iter()
            .filter(|contender| self.contenders.have(*contender) && *contender != Contender::RawKeyring)
    }

    fn program(&self, contender: Contender) -> &Path {
        self.contenders
            .program(contender)
            .expect("only what is there is measured")
    }
}
