use std::time::Duration;

use commonware_consensus::types::{Epoch, Round, View};
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::{PlanBuilder, PlanResult},
};
use commonware_p2p::simulated::Link;
use commonware_runtime::deterministic::FaultConfig;
use commonware_utils::probability;
use yilian_node::order::{
    Place,
    simulation::{Conduct, Consortium, Role},
};
use yilian_protocol::{Height, TransactionId, refusal::Outcome};
use yilian_sim::{Reached, World};

const SEEDS: [u64; 3] = [1, 2, 3];
/// Two epoch changes and more.
const HEIGHT: u64 = 80;
const EPOCH: u32 = 32;
/// Simulated time in which everything must be done.
const PATIENCE: Duration = Duration::from_secs(900);

fn good() -> Link {
    Link {
        latency: Duration::from_millis(10),
        jitter: Duration::from_millis(5),
        success_rate: probability!(1.0),
    }
}

fn dead() -> Link {
    Link {
        success_rate: probability!(0.0),
        ..good()
    }
}

fn honest(count: usize) -> Vec<Role> {
    vec![Role::default(); count]
}

type Results = Vec<PlanResult<Consortium>>;

/// Runs a scenario under every seed; each must come to the end with all invariants.
fn run(
    world: &World,
    roles: &[Role],
    nodes: usize,
    scenario: impl Fn(PlanBuilder<Consortium>) -> PlanBuilder<Consortium>,
) -> Results {
    let mut results = Vec::new();
    for seed in SEEDS {
        world.forget();
        let plan = PlanBuilder::new(world.consortium(roles.to_vec()))
            .seed(seed)
            .link(good())
            .timeout(PATIENCE)
            .exit_condition(Reached {
                nodes,
                height: HEIGHT,
            })
            .property(world.invariants(20, 2 * HEIGHT));
        match on_deep_stack(scenario(plan)) {
            Ok(result) => results.extend(result),
            Err(error) => panic!("{error}"),
        }
    }
    results
}

/// Every task of a simulation runs on the stack of its one thread, and a node's start is one deep
/// future.
fn on_deep_stack(plan: PlanBuilder<Consortium>) -> Result<Results, String> {
    let built = plan.build();
    let running = std::thread::Builder::new()
        .stack_size(64 * 1024 * 1024)
        .spawn(move || {
            built
                .run()
                .map_err(|error| format!("seed {}: {error}", built.seed))
        })
        .unwrap();
    Ok(vec![running.join().unwrap()?])
}

#[test]
fn healthy() {
    run(&World::new(4, 4, EPOCH), &honest(4), 4, |plan| plan);
}

#[test]
fn what_is_lost_is_noticed() {
    let world = World::new(4, 4, EPOCH);
    let plan = PlanBuilder::new(world.consortium(honest(4)))
        .link(good())
        .timeout(PATIENCE)
        .exit_condition(Reached {
            nodes: 4,
            height: 10,
        })
        .property(world.invariants(1, 1));
    // Acknowledged by a node that lies.
    let place = Place {
        height: Height::new(3),
        index: 0,
        outcome: Outcome::Applied,
    };
    world.note_acknowledged(TransactionId::from_bytes([9; 32]), place);
    let error = on_deep_stack(plan).err().unwrap();
    assert!(error.contains("is lost"), "{error}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    let world = World::new(4, 4, EPOCH);
    let state = || {
        world.forget();
        let plan = PlanBuilder::new(world.consortium(honest(4)))
            .seed(5)
            .link(good())
            .timeout(PATIENCE)
            .exit_condition(Reached {
                nodes: 4,
                height: 10,
            });
        on_deep_stack(plan).unwrap().remove(0).state
    };
    assert_eq!(state(), state());
}

#[test]
fn one_crashes_and_comes_back() {
    let world = World::new(4, 4, EPOCH);
    let node = world.node(2);
    run(&world, &honest(4), 4, |plan| {
        let schedule = Schedule::new()
            .at(Duration::from_secs(3), Action::Crash(node.clone()))
            .at(Duration::from_secs(12), Action::Restart(node.clone()));
        plan.crash(Crash::Schedule(schedule))
    });
}

#[test]
fn any_may_crash_at_any_time() {
    let results = run(&World::new(4, 4, EPOCH), &honest(4), 4, |plan| {
        plan.crash(Crash::Random {
            frequency: Duration::from_secs(4),
            downtime: Duration::from_millis(1_500),
            count: 1,
        })
    });
    assert!(results.iter().all(|result| result.crashes > 1));
}

#[test]
fn every_seventh_message_is_lost() {
    run(&World::new(4, 4, EPOCH), &honest(4), 4, |plan| {
        plan.link(Link {
            success_rate: probability!(0.85),
            ..good()
        })
    });
}

#[test]
fn a_partition_heals() {
    let world = World::new(4, 4, EPOCH);
    run(&world, &honest(4), 4, |plan| {
        let mut schedule = Schedule::new();
        let halves = [[0, 1], [2, 3]];
        for from in halves[0] {
            for to in halves[1] {
                for (from, to) in [(from, to), (to, from)] {
                    let action = Action::UpdateLink {
                        from: world.node(from),
                        to: world.node(to),
                        link: dead(),
                    };
                    schedule = schedule.at(Duration::from_secs(2), action);
                }
            }
        }
        let schedule = schedule.at(Duration::from_secs(30), Action::Heal(good()));
        plan.crash(Crash::Schedule(schedule))
    });
}

#[test]
fn disks_fail_for_a_while() {
    let world = World::new(4, 4, EPOCH);
    run(&world, &honest(4), 4, |plan| {
        let faulty = FaultConfig::default()
            .read(probability!(0.02))
            .sync(probability!(0.02));
        let mut schedule = Schedule::new()
            .at(Duration::from_secs(3), Action::SetStorageFault(faulty))
            .at(
                Duration::from_secs(6),
                Action::SetStorageFault(FaultConfig::default()),
            );
        // Whoever met a fault has ended, and its supervisor starts it again.
        for place in 0..4 {
            let again = Duration::from_secs(7 + place as u64);
            schedule = schedule
                .at(again, Action::Crash(world.node(place)))
                .at(again, Action::Restart(world.node(place)));
        }
        plan.crash(Crash::Schedule(schedule))
    });
}

#[test]
fn a_hospital_joins_late_by_state_sync() {
    let world = World::new(4, 5, EPOCH);
    let mut roles = honest(5);
    roles[4].state_sync = true;
    let late = world.node(4);
    run(&world, &roles, 5, |plan| {
        plan.crash(Crash::DelayRound {
            participants: vec![late.clone()],
            round: Round::new(Epoch::new(1), View::new(5)),
        })
    });
}

#[test]
fn one_of_four_says_nothing() {
    let mut roles = honest(4);
    roles[1].conduct = Conduct::Silent;
    run(&World::new(4, 4, EPOCH), &roles, 3, |plan| plan);
}

#[test]
fn one_of_four_votes_for_everything_and_its_contrary() {
    let mut roles = honest(4);
    roles[3].conduct = Conduct::Equivocating;
    run(&World::new(4, 4, EPOCH), &roles, 3, |plan| plan);
}

#[test]
fn a_key_holder_lies_and_is_named_each_time() {
    run(
        &World::new(4, 4, EPOCH).treating(&[2]),
        &honest(4),
        4,
        |plan| plan,
    );
}

#[test]
fn a_key_holder_lies_while_messages_are_lost_and_the_network_is_split() {
    let world = World::new(4, 4, EPOCH).treating(&[1]);
    run(&world, &honest(4), 4, |plan| {
        let lossy = Link {
            success_rate: probability!(0.9),
            ..good()
        };
        let mut schedule = Schedule::new();
        for other in [0, 1, 2] {
            for (from, to) in [(3, other), (other, 3)] {
                let action = Action::UpdateLink {
                    from: world.node(from),
                    to: world.node(to),
                    link: dead(),
                };
                schedule = schedule.at(Duration::from_secs(3), action);
            }
        }
        let schedule = schedule.at(Duration::from_secs(15), Action::Heal(lossy.clone()));
        plan.link(lossy).crash(Crash::Schedule(schedule))
    });
}

#[test]
fn a_key_holder_lies_while_others_crash() {
    let world = World::new(4, 4, EPOCH).treating(&[0]);
    run(&world, &honest(4), 4, |plan| {
        plan.crash(Crash::Random {
            frequency: Duration::from_secs(5),
            downtime: Duration::from_millis(1_500),
            count: 1,
        })
    });
}

#[test]
fn as_many_liars_as_the_threshold_are_noticed() {
    let world = World::new(4, 4, EPOCH).treating(&[0, 1]);
    let plan = PlanBuilder::new(world.consortium(honest(4)))
        .link(good())
        .timeout(PATIENCE)
        .exit_condition(Reached {
            nodes: 4,
            height: 40,
        })
        .property(world.invariants(1, 1));
    let error = on_deep_stack(plan).err().unwrap();
    assert!(error.contains("was served"), "{error}");
}

#[test]
fn elections_go_on_while_nodes_crash_and_messages_are_lost() {
    let results = run(&World::new(4, 5, EPOCH).electing(), &honest(5), 5, |plan| {
        plan.link(Link {
            success_rate: probability!(0.95),
            ..good()
        })
        .crash(Crash::Random {
            frequency: Duration::from_secs(8),
            downtime: Duration::from_millis(1_000),
            count: 1,
        })
    });
    assert!(results.iter().all(|result| result.crashes > 0));
}

#[test]
fn a_hub_is_lost() {
    let world = World::new(4, 5, EPOCH);
    let mut roles = honest(5);
    roles[4].hubs = Some(vec![0, 1]);
    let hub = world.node(0);
    run(&world, &roles, 4, |plan| {
        let schedule = Schedule::new().at(Duration::from_secs(4), Action::Crash(hub.clone()));
        plan.crash(Crash::Schedule(schedule))
    });
}
