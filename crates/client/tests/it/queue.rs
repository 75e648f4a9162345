use std::collections::BTreeSet;

use yilian_client::{
    CERTIFICATE_DAYS, ClientError, PASS_DAYS, passes_end,
    people::Person,
    queue::{Appended, Queue, Step, append, lots},
    trace::{Alarm, Capture, CaptureError, EventMaker, Handler, Pack, PassBook, Trail, inspect},
};
use yilian_protocol::{call::CallError, refusal::Refusal, registry::Role, trace::TraceAction};
use yilian_record::{
    epcis::Event,
    gs1::{Code20, Expiry, Gtin, Identity, PackCode, PackSecret},
};

use crate::{
    crooked::Crooked,
    world::{World, hospital, now},
};

/// A maker with his device: what it keeps is JSON, as files have it.
struct Device {
    world: World,
    person: Person,
    handler: Handler,
    kept: [String; 2],
}

impl Device {
    async fn new(passes: usize) -> Self {
        let world = World::with(1).await;
        let person = world
            .certify(&hospital(0), "Mai", Role::Maker, CERTIFICATE_DAYS)
            .await;
        let handler = person.handler().unwrap();
        let mut device = Self {
            world,
            person,
            handler,
            kept: [String::new(), String::new()],
        };
        device.keep(&PassBook::default(), &Queue::default());
        device.take_passes(passes).await;
        device
    }

    async fn take_passes(&mut self, count: usize) {
        let session = &self.world.session;
        let (mut book, queue) = self.load();
        let request = self
            .handler
            .ask_passes(session, &mut book, count, &mut rand::rng());
        let until = passes_end(now(), PASS_DAYS);
        let ca = &self.world.consortium;
        let passes = ca.issue_passes(session, &request, now(), until).await;
        assert_eq!(book.take_in(passes.unwrap()), count);
        self.keep(&book, &queue);
    }

    fn keep(&mut self, book: &PassBook, queue: &Queue) {
        self.kept = [
            serde_json::to_string(book).unwrap(),
            serde_json::to_string(queue).unwrap(),
        ];
    }

    fn load(&self) -> (PassBook, Queue) {
        let [book, queue] = &self.kept;
        (
            serde_json::from_str(book).unwrap(),
            serde_json::from_str(queue).unwrap(),
        )
    }

    fn add(&mut self, captures: &[Capture]) {
        let (book, mut queue) = self.load();
        queue.add(captures).unwrap();
        self.keep(&book, &queue);
    }

    /// Does a step, and keeps it unless the device dies first.
    async fn step(&mut self, dies: bool) -> Result<Option<Step>, ClientError> {
        let (mut book, mut queue) = self.load();
        let (session, rng) = (&self.world.session, &mut rand::rng());
        let step = queue
            .advance(session, &self.handler, &mut book, now(), rng)
            .await;
        if !dies {
            self.keep(&book, &queue);
        }
        step
    }

    /// Steps to the end.
    async fn drain(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(step) = self.step(false).await.unwrap() {
            steps.push(step);
        }
        steps
    }

    async fn trail(&self, pack: &Pack) -> Trail {
        let trail = inspect(&self.world.session, pack, now()).await;
        trail.unwrap().unwrap()
    }
}

pub fn pack(serial: &str) -> Pack {
    let identity = Identity::Gs1 {
        gtin: Gtin::parse("09521141012345").unwrap(),
        serial: Code20::parse(serial, "serial number").unwrap(),
        batch: Code20::parse("L7", "batch").unwrap(),
        expiry: Expiry::parse("751231", 2026).unwrap(),
    };
    let secret = PackSecret::random(&mut rand::rng());
    Pack::new(PackCode::new(identity, secret))
}

pub fn capture(pack: &Pack, action: TraceAction) -> Capture {
    let packs = vec![Pack::new(pack.code().clone())];
    let maker = EventMaker {
        time: jiff::Timestamp::now(),
        place: None,
        temperature: None,
        expired: None,
    };
    let rng = &mut rand::rng();
    let event = match action {
        TraceAction::Commission => maker.commissioning(&packs, None, rng),
        TraceAction::Destroy => maker.destroying(&packs, rng),
        _ => maker.shipping(&packs, rng),
    };
    Capture {
        event: event.unwrap(),
        packs,
        action,
        prescription: None,
    }
}

/// The business steps of a pack, each of an event of its own.
fn told(trail: &Trail) -> Vec<&str> {
    // Shipped twice, as here, a pack tells of it; nothing else may be wrong.
    let wrong = trail.alarms.iter();
    let wrong: Vec<_> = wrong
        .filter(|alarm| !matches!(alarm, Alarm::OutOfOrder { .. }))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let events = trail.steps.iter().filter_map(|step| step.event.as_ref());
    let ids: BTreeSet<_> = events.filter_map(|event| event.id()).collect();
    assert_eq!(ids.len(), trail.steps.len());
    let steps = trail.steps.iter();
    steps.map(|step| step.biz_step().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_dies_after_any_step_appends_nothing_twice_and_loses_nothing() {
    let mut device = Device::new(40).await;
    // Two captures are four steps; it dies before the note of one of them, or of none.
    for death in 0..5 {
        let pack = pack(&format!("KILLED{death}"));
        let captures = [TraceAction::Commission, TraceAction::Observe];
        device.add(&captures.map(|action| capture(&pack, action)));
        for step in 0..death {
            assert!(device.step(false).await.unwrap().is_some(), "{step}");
        }
        device.step(true).await.unwrap();
        let steps = device.drain().await;
        let trail = device.trail(&pack).await;
        assert_eq!(told(&trail), ["commissioning", "shipping"], "{death}");
        // What is on the chain is told as such, whoever saw it get there.
        let appended = steps.iter().filter_map(|step| match step {
            Step::Appended(appended) => Some(appended),
            _ => None,
        });
        let events: Vec<_> = appended
            .map(|done| (done.event.clone(), done.height))
            .collect();
        let last = trail.steps.last().unwrap();
        let id = last.event.as_ref().unwrap().id().map(str::to_owned);
        if death < 4 {
            assert_eq!(events.last().unwrap(), &(id, last.admitted.height));
        }
        let (_, queue) = device.load();
        assert!(queue.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_told_and_holds_nobody_up() {
    let mut device = Device::new(10).await;
    let (pack, other) = (pack("FIRST"), pack("SECOND"));
    let begun = |pack: &Pack| capture(pack, TraceAction::Commission);
    device.add(&[begun(&pack), begun(&pack), begun(&other)]);
    let steps = device.drain().await;
    let done: Vec<&Step> = steps.iter().filter(|step| **step != Step::Signed).collect();
    let [Step::Appended(_), Step::Refused(refused), Step::Appended(_)] = done[..] else {
        panic!("{done:?}");
    };
    assert_eq!(refused.rule, Refusal::TraceExists);
    assert_eq!(refused.step, "commissioning");
    assert!(refused.event.is_some());
    assert_eq!(told(&device.trail(&other).await), ["commissioning"]);
}

/// A node that lies, or is wrong, says that a rule refuses for good. Only a receipt proves that.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_nodes_word_alone_takes_no_capture_out() {
    let mut device = Device::new(10).await;
    let pack = pack("WORD");
    device.add(&[capture(&pack, TraceAction::Commission)]);
    assert_eq!(device.step(false).await.unwrap(), Some(Step::Signed));
    let (crooked, session) = Crooked::session(&device.world).await;
    crooked.bends().refusals = vec![Refusal::TraceExists];
    let (mut book, mut queue) = device.load();
    let rng = &mut rand::rng();
    let step = queue.advance(&session, &device.handler, &mut book, now(), rng);
    let rule = Refusal::TraceExists;
    let refused = ClientError::Call(CallError::Refused { rule });
    assert_eq!(step.await.unwrap_err(), refused);
    assert_eq!(queue.len(), 1);
    device.keep(&book, &queue);
    let steps = device.drain().await;
    assert!(matches!(steps[..], [Step::Appended(_)]), "{steps:?}");
    assert_eq!(told(&device.trail(&pack).await), ["commissioning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_another_overtook_is_signed_anew() {
    let mut device = Device::new(10).await;
    let pack = pack("RACE");
    device.add(&[capture(&pack, TraceAction::Commission)]);
    device.drain().await;
    device.add(&[capture(&pack, TraceAction::Observe)]);
    assert_eq!(device.step(false).await.unwrap(), Some(Step::Signed));
    // Another device of the same person is faster.
    let (mut book, queue) = device.load();
    let faster = capture(&pack, TraceAction::Observe);
    let handler = device.person.handler().unwrap();
    let rng = &mut rand::rng();
    let session = &device.world.session;
    let appended = append(session, &handler, &mut book, &faster, now(), rng).await;
    assert_eq!(appended.unwrap().packs, 1);
    device.keep(&book, &queue);
    let steps = device.drain().await;
    assert!(
        matches!(steps[..], [Step::Stale, Step::Signed, Step::Appended(_)]),
        "{steps:?}"
    );
    let trail = device.trail(&pack).await;
    assert_eq!(told(&trail), ["commissioning", "shipping", "shipping"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_chain_is_not_appended_again_though_the_queue_lost_that() {
    let mut device = Device::new(10).await;
    let pack = pack("LOST");
    let captures = [TraceAction::Commission, TraceAction::Destroy].map(|a| capture(&pack, a));
    device.add(&captures);
    let before = device.kept[1].clone();
    // What waits is not kept a second time, signed or not.
    device.step(false).await.unwrap();
    device.add(&captures);
    assert_eq!(device.load().1.len(), 2);
    let steps = device.drain().await;
    assert_eq!(steps.len(), 3, "{steps:?}");
    let trail = device.trail(&pack).await;
    assert_eq!(told(&trail), ["commissioning", "destroying"]);
    // The queue as it was before: a backup, or the same document taken once more.
    device.kept[1] = before;
    let again = device.drain().await;
    let appended = |steps: &[Step]| -> Vec<Appended> {
        let done = steps.iter().filter_map(|step| match step {
            Step::Appended(appended) => Some(appended.clone()),
            _ => None,
        });
        done.collect()
    };
    assert_eq!(again.len(), 2, "nothing is signed: {again:?}");
    assert_eq!(appended(&again), appended(&steps));
    let trail = device.trail(&pack).await;
    assert_eq!(told(&trail), ["commissioning", "destroying"]);

    // What came too late stands as an alarm; it is told so again, and raises no second one.
    device.add(&[capture(&pack, TraceAction::Observe)]);
    let before = device.kept[1].clone();
    let tried = device.drain().await;
    let [Step::Signed, Step::Refused(late)] = &tried[..] else {
        panic!("{tried:?}");
    };
    assert_eq!(late.rule, Refusal::TraceClosed);
    device.kept[1] = before;
    assert_eq!(device.drain().await, [Step::Refused(late.clone())]);
    assert_eq!(device.trail(&pack).await.alarms.len(), 1);
}

#[test]
fn what_does_not_fit_its_packs_is_not_kept_and_numbers_stay_as_written() {
    let (mine, other) = (pack("MINE"), pack("OTHER"));
    let mut wrong = capture(&mine, TraceAction::Observe);
    wrong.packs.push(Pack::new(other.code().clone()));
    let mut queue = Queue::default();
    let fits = capture(&mine, TraceAction::Commission);
    let refused = queue.add(&[fits, wrong]);
    assert!(
        matches!(refused, Err(CaptureError::NotNamed { .. })),
        "{refused:?}"
    );
    assert!(queue.is_empty());
    let mut exact = capture(&mine, TraceAction::Observe);
    let text = String::from_utf8(exact.event.to_json()).unwrap();
    let text = text.replacen(
        "\"action\":",
        "\"yilian:weight\":1.50000000000000000001e0,\"action\":",
        1,
    );
    exact.event = Event::parse(text.as_bytes()).unwrap();
    queue.add(&[exact]).unwrap();
    let kept = serde_json::to_string(&queue).unwrap();
    assert!(kept.contains("1.50000000000000000001e0"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_passes_captures_wait() {
    let mut device = Device::new(1).await;
    let pack = pack("WAITS");
    device.add(&[
        capture(&pack, TraceAction::Commission),
        capture(&pack, TraceAction::Observe),
    ]);
    assert_eq!(device.step(false).await.unwrap(), Some(Step::Signed));
    assert!(matches!(
        device.step(false).await.unwrap(),
        Some(Step::Appended(_))
    ));
    for _ in 0..2 {
        assert_eq!(device.step(false).await.unwrap_err(), ClientError::NoPass);
        assert_eq!(device.load().1.len(), 1);
    }
    device.take_passes(1).await;
    assert_eq!(device.drain().await.len(), 2);
    let trail = device.trail(&pack).await;
    assert_eq!(told(&trail), ["commissioning", "shipping"]);
}

#[test]
fn a_queue_tells_no_code_and_reads_what_was_kept_before_appends_were() {
    let pack = pack("SECRET");
    let mut queue = Queue::default();
    queue
        .add(&[capture(&pack, TraceAction::Commission)])
        .unwrap();
    assert_eq!(format!("{queue:?}"), "Queue(1 captures)");
    let text = serde_json::to_string(&queue).unwrap();
    assert!(!text.contains("signed"), "{text}");
    let kept = serde_json::json!([{
        "codes": [pack.code().to_text().as_str()],
        "action": "commission",
        "event": {},
        "prescription": null,
    }]);
    let read: Queue = serde_json::from_value(kept).unwrap();
    assert_eq!(read.len(), 1);
    assert!(!read.is_empty() && Queue::default().is_empty());
}

#[test]
fn lots_are_as_large_as_an_append_takes() {
    let packs = |count: usize| -> Vec<usize> {
        let packs = (0..count).map(|number| pack(&format!("N{number}")));
        lots(packs.collect()).iter().map(Vec::len).collect()
    };
    assert_eq!(packs(0), [0; 0]);
    assert_eq!(packs(1), [1]);
    assert_eq!(packs(4096), [4096]);
    assert_eq!(packs(4097), [4096, 1]);
}
