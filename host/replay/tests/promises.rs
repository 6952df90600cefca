//! Contiguous or reset; never a gap, never a duplicate.

use hostler_replay::{Bounds, Delivery, Hub, Position, Replay, ResetReason, Viewer, ViewerId};
use proptest::prelude::*;

const EPOCH: u64 = 7;
const BEFORE: Position = Position {
    epoch: EPOCH,
    seq: 0,
};
const ROOMY: Bounds = Bounds {
    max_frames: usize::MAX,
    max_bytes: usize::MAX,
};

/// Keeps what it gets, and fails once it has `room` frames.
#[derive(Debug, Default, PartialEq)]
struct Screen {
    seen: Vec<(u64, u32)>,
    room: Option<usize>,
}

impl Viewer<u32> for Screen {
    fn deliver(&mut self, position: Position, frame: &u32) -> Delivery {
        if self.room.is_some_and(|room| self.seen.len() >= room) {
            return Delivery::Failed;
        }
        self.seen.push((position.seq, *frame));
        Delivery::Taken
    }
}

type TestHub = Hub<u32, Screen>;

fn at(seq: u64) -> Option<Position> {
    Some(Position { epoch: EPOCH, seq })
}

/// Frame number n has the content n, so that position and content must agree.
fn publish(hub: &mut TestHub, bytes: usize) {
    let content = u32::try_from(hub.head().seq + 1).unwrap();
    let published = hub.publish(content, bytes);
    assert_eq!(published.position.seq, u64::from(content));
    assert!(published.lost.is_empty());
}

fn hub_with(frames: usize, bounds: Bounds) -> TestHub {
    let mut hub = Hub::new(BEFORE, bounds);
    for _ in 0..frames {
        publish(&mut hub, 1);
    }
    hub
}

fn contents(replay: Replay<'_, u32>) -> (Option<ResetReason>, Vec<(u64, u32)>) {
    let (reason, frames) = match replay {
        Replay::Contiguous(frames) => (None, frames),
        Replay::Reset { reason, frames } => (Some(reason), frames),
    };
    let announced = frames.len();
    let all: Vec<_> = frames
        .map(|(position, frame)| {
            assert_eq!(position.epoch, EPOCH);
            (position.seq, *frame)
        })
        .collect();
    assert_eq!(all.len(), announced);
    (reason, all)
}

fn numbers(from: u64, to: u64) -> Vec<(u64, u32)> {
    (from..=to)
        .map(|seq| (seq, u32::try_from(seq).unwrap()))
        .collect()
}

proptest! {
    /// Any sizes, any bounds: from every position that there can be, what comes
    /// joins on exactly, or it is a reset with all that is kept.
    #[test]
    fn a_stream_cut_anywhere_joins_on_or_is_reset(
        sizes in prop::collection::vec(0usize..20, 0..40),
        max_frames in 0usize..30,
        max_bytes in 0usize..120,
    ) {
        let mut hub = Hub::new(BEFORE, Bounds { max_frames, max_bytes });
        for size in &sizes {
            publish(&mut hub, *size);
        }
        let head = sizes.len() as u64;
        prop_assert_eq!(hub.head(), Position { epoch: EPOCH, seq: head });
        let first = hub.first().map_or(head + 1, |first| first.seq);
        let kept = sizes.iter().skip(first as usize - 1);
        prop_assert!(kept.clone().sum::<usize>() <= max_bytes);
        prop_assert!(kept.count() <= max_frames);

        for cut in 0..=head {
            let (reason, got) = contents(hub.since(at(cut)));
            if cut + 1 >= first {
                prop_assert_eq!(reason, None);
                prop_assert_eq!(got, numbers(cut + 1, head));
            } else {
                prop_assert_eq!(reason, Some(ResetReason::Trimmed));
                prop_assert_eq!(got, numbers(first, head));
            }
        }
        for beyond in [head + 1, head + 2, u64::MAX] {
            let (reason, got) = contents(hub.since(at(beyond)));
            prop_assert_eq!(reason, Some(ResetReason::Ahead));
            prop_assert_eq!(got, numbers(first, head));
        }
        for epoch in [0, EPOCH - 1, EPOCH + 1, u64::MAX] {
            let (reason, got) = contents(hub.since(Some(Position { epoch, seq: head })));
            prop_assert_eq!(reason, Some(ResetReason::OtherEpoch));
            prop_assert_eq!(got, numbers(first, head));
        }
        let from_nothing = contents(hub.since(None));
        prop_assert_eq!(from_nothing, contents(hub.since(at(0))));
    }

    /// A viewer that comes and goes and resumes from its last position has in
    /// the end every frame once, in order.
    #[test]
    fn a_viewer_that_comes_back_at_any_frame_misses_nothing(
        steps in prop::collection::vec(prop::bool::weighted(0.6), 1..80),
    ) {
        let mut hub: TestHub = Hub::new(BEFORE, ROOMY);
        let mut story = Vec::new();
        let mut attached: Option<ViewerId> = None;
        for publishes in steps {
            if publishes {
                publish(&mut hub, 1);
            } else if let Some(id) = attached.take() {
                story.extend(hub.detach(id).unwrap().seen);
            } else {
                let after = story.last().and_then(|(seq, _)| at(*seq));
                let joined = hub.attach(Screen::default(), after);
                attached = Some(joined.viewer);
                let (reason, missed) = contents(joined.replay);
                prop_assert_eq!(reason, None);
                story.extend(missed);
            }
        }
        if let Some(id) = attached {
            story.extend(hub.detach(id).unwrap().seen);
        }
        prop_assert_eq!(&story, &numbers(1, story.len() as u64));
    }
}

#[test]
fn the_first_frame_is_number_one() {
    let mut hub: TestHub = Hub::new(BEFORE, ROOMY);
    assert_eq!(Some(hub.head()), at(0));
    assert_eq!(hub.first(), None);
    publish(&mut hub, 0);
    assert_eq!(Some(hub.head()), at(1));
    assert_eq!(hub.first(), at(1));
}

#[test]
fn replay_then_live_is_the_whole_stream() {
    let mut hub = hub_with(3, ROOMY);
    let joined = hub.attach(Screen::default(), at(1));
    let (id, head) = (joined.viewer, joined.head);
    let mut story = contents(joined.replay).1;
    assert_eq!(story, numbers(2, head.seq));
    publish(&mut hub, 1);
    publish(&mut hub, 1);
    story.extend(hub.detach(id).unwrap().seen);
    assert_eq!(story, numbers(2, 5));
}

#[test]
fn every_viewer_gets_every_frame() {
    let mut hub: TestHub = Hub::new(BEFORE, ROOMY);
    let ids: Vec<_> = (0..3)
        .map(|_| hub.attach(Screen::default(), None).viewer)
        .collect();
    publish(&mut hub, 1);
    publish(&mut hub, 1);
    for id in ids {
        assert_eq!(hub.detach(id).unwrap().seen, numbers(1, 2));
    }
}

#[test]
fn a_stream_that_goes_on_never_gives_a_position_out_again() {
    let head = at(5).unwrap();
    let mut hub: TestHub = Hub::new(head, ROOMY);
    assert_eq!(hub.head(), head);
    assert_eq!(contents(hub.since(at(5))), (None, vec![]));
    for earlier in [None, at(0), at(4)] {
        assert_eq!(contents(hub.since(earlier)).0, Some(ResetReason::Trimmed));
    }
    publish(&mut hub, 1);
    assert_eq!(contents(hub.since(at(5))), (None, numbers(6, 6)));
    assert_eq!(contents(hub.since(at(4))).0, Some(ResetReason::Trimmed));
}

#[test]
fn a_viewer_that_fails_is_returned_and_costs_the_others_nothing() {
    let mut hub: TestHub = Hub::new(BEFORE, ROOMY);
    let full = Screen {
        room: Some(1),
        ..Screen::default()
    };
    let before = hub.attach(Screen::default(), None).viewer;
    let slow = hub.attach(full, None).viewer;
    let after = hub.attach(Screen::default(), None).viewer;
    publish(&mut hub, 1);
    let published = hub.publish(2, 1);
    assert_eq!(published.lost.len(), 1);
    assert_eq!(published.lost[0].0, slow);
    assert_eq!(published.lost[0].1.seen, numbers(1, 1));
    publish(&mut hub, 1);
    assert!(hub.detach(slow).is_none());
    for id in [before, after] {
        assert_eq!(hub.detach(id).unwrap().seen, numbers(1, 3));
    }
}

#[test]
fn what_has_no_position_reaches_viewers_and_is_not_replayed() {
    let mut hub = hub_with(1, ROOMY);
    let first = hub.attach(Screen::default(), None).viewer;
    let second = hub.attach(Screen::default(), None).viewer;
    let mut told = Vec::new();
    let lost = hub.each(|id, _| {
        told.push(id);
        Delivery::Taken
    });
    assert!(lost.is_empty());
    assert_eq!(told, [first, second]);
    let lost = hub.each(|id, _| {
        if id == first {
            Delivery::Failed
        } else {
            Delivery::Taken
        }
    });
    assert_eq!(lost.len(), 1);
    assert_eq!(
        hub.viewers().map(|(id, _)| id).collect::<Vec<_>>(),
        [second]
    );
    assert_eq!(Some(hub.head()), at(1));
}

#[test]
fn a_viewer_id_is_not_used_again() {
    let mut hub: TestHub = Hub::new(BEFORE, ROOMY);
    let old = hub.attach(Screen::default(), None).viewer;
    hub.detach(old).unwrap();
    let new = hub.attach(Screen::default(), None).viewer;
    assert_ne!(old, new);
    assert!(hub.detach(old).is_none());
}

#[test]
fn a_frame_over_the_bound_is_delivered_and_then_a_reset_is_said() {
    let bounds = Bounds {
        max_frames: 10,
        max_bytes: 10,
    };
    let mut hub = hub_with(2, bounds);
    let id = hub.attach(Screen::default(), at(2)).viewer;
    publish(&mut hub, 11);
    assert_eq!(hub.detach(id).unwrap().seen, numbers(3, 3));
    assert_eq!(hub.first(), None);
    assert_eq!(
        contents(hub.since(at(2))),
        (Some(ResetReason::Trimmed), vec![])
    );
    assert_eq!(contents(hub.since(at(3))), (None, vec![]));
    publish(&mut hub, 10);
    assert_eq!(contents(hub.since(at(3))), (None, numbers(4, 4)));
}
