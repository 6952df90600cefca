use super::{
    room::{MAX_FILES_OF_ONE, MAX_OF_ALL, MAX_OF_ONE},
    *,
};

fn who(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

fn artifact(name: &str) -> NewEntry {
    NewEntry {
        kind: Kind::Artifact,
        name: name.into(),
    }
}

#[tokio::test]
async fn a_file_is_there_for_whoever_it_belongs_to_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let (ann, bob) = (who("ann"), who("bob"));
    let id = spool.keep(&ann, artifact("s.png"), b"abc").await.unwrap();
    let kept = spool.find(&ann, Kind::Artifact, &id).unwrap();
    assert_eq!(
        (
            spool.package(&kept).await.unwrap().as_ref(),
            kept.name.as_str()
        ),
        (b"abc".as_slice(), "s.png")
    );
    assert!(spool.find(&bob, Kind::Artifact, &id).is_none());
    assert!(spool.find(&ann, Kind::Upload, &id).is_none());
    assert!(spool.find(&ann, Kind::Artifact, "x").is_none());
    drop((kept, spool));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_grows_too_large_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let mut draft = spool.draft(&who("ann"), None).await.unwrap();
    draft.write(&[0; 10], 15).await.unwrap();
    let refused = draft.write(&[0; 10], 15).await.unwrap_err();
    assert_eq!(Fault::from(refused).reason(), "UPLOAD_TOO_LARGE");
    drop(draft);
    assert_eq!(std::fs::read_dir(spool.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn files_expire_and_the_oldest_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let mut ids = Vec::new();
    for number in 0..=MAX_FILES_OF_ONE {
        let name = number.to_string();
        ids.push(
            spool
                .keep(&ann, artifact(&name), name.as_bytes())
                .await
                .unwrap(),
        );
    }
    assert!(spool.find(&ann, Kind::Artifact, &ids[0]).is_none());
    assert!(spool.find(&ann, Kind::Artifact, &ids[1]).is_some());
    assert_eq!(spool.list(&ann, Kind::Artifact).len(), MAX_FILES_OF_ONE);
    tokio::time::pause();
    tokio::time::advance(LIFE).await;
    spool.sweep();
    assert!(spool.list(&ann, Kind::Artifact).is_empty());
    assert_eq!(spool.shelf.rooms.bytes(), 0);
    assert_eq!(std::fs::read_dir(spool.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_is_being_written_counts() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let half = spool.draft(&ann, Some(MAX_OF_ONE / 2)).await.unwrap();
    let mut grows = spool.draft(&ann, None).await.unwrap();
    let rest = spool.draft(&ann, Some(MAX_OF_ONE / 2)).await.unwrap();
    let refused = grows.write(b"x", MAX_FILE).await.unwrap_err();
    assert!(matches!(refused, SpoolError::TooMany), "{refused}");
    drop(half);
    grows.write(b"x", MAX_FILE).await.unwrap();
    drop((grows, rest));
    assert_eq!(spool.shelf.rooms.bytes(), 0);
}

#[tokio::test]
async fn unfinished_files_are_as_few_as_finished_ones() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let mut drafts = Vec::new();
    for _ in 0..MAX_FILES_OF_ONE {
        drafts.push(spool.draft(&ann, None).await.unwrap());
    }
    let refused = spool.draft(&ann, None).await.unwrap_err();
    assert!(matches!(refused, SpoolError::TooMany), "{refused}");
}

#[tokio::test]
async fn whoever_finds_no_room_loses_none_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let id = spool.keep(&ann, artifact("a"), b"abc").await.unwrap();
    let mut others = Vec::new();
    for number in 0..MAX_OF_ALL / MAX_OF_ONE - 1 {
        let other = who(&number.to_string());
        others.push(spool.draft(&other, Some(MAX_OF_ONE)).await.unwrap());
    }
    let full = who("full");
    others.push(spool.draft(&full, Some(MAX_OF_ONE - 3)).await.unwrap());
    let refused = spool.draft(&ann, Some(4)).await.unwrap_err();
    assert!(matches!(refused, SpoolError::Full), "{refused}");
    assert!(spool.find(&ann, Kind::Artifact, &id).is_some());
    // With the room of its own file it is enough.
    spool.draft(&ann, Some(3)).await.unwrap();
    assert!(spool.find(&ann, Kind::Artifact, &id).is_none());
}

#[tokio::test]
async fn a_file_that_somebody_reads_is_not_dropped_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let id = spool.keep(&ann, artifact("a"), b"abc").await.unwrap();
    let reads = spool.find(&ann, Kind::Artifact, &id).unwrap();
    let refused = spool.draft(&ann, Some(MAX_OF_ONE)).await.unwrap_err();
    assert!(matches!(refused, SpoolError::TooMany), "{refused}");
    drop(reads);
    spool.draft(&ann, Some(MAX_OF_ONE)).await.unwrap();
    assert!(spool.find(&ann, Kind::Artifact, &id).is_none());
}

#[tokio::test]
async fn a_package_is_in_memory_once_however_many_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let ann = who("ann");
    let id = spool.keep(&ann, artifact("a"), b"abc").await.unwrap();
    let kept = spool.find(&ann, Kind::Artifact, &id).unwrap();
    let free = spool.memory.free();
    let (one, two) = tokio::join!(spool.package(&kept), spool.package(&kept));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((&*one, one.as_ptr()), (&b"abc"[..], two.as_ptr()));
    assert_eq!(spool.memory.free(), free - 3);
    drop(one);
    // The call of a client that has left may go on with its bytes.
    let goes_on = two.clone();
    drop(two);
    assert_eq!(spool.memory.free(), free - 3);
    drop(goes_on);
    assert_eq!(spool.memory.free(), free);
}

#[tokio::test]
async fn what_a_host_left_that_was_killed_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("spool-abc");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("file"), "of an upload").unwrap();
    std::fs::write(folder.path().join("spool-notes.txt"), "of somebody").unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    assert!(!left.exists());
    drop(spool);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
}
