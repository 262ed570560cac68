//! The JetStream, KV and object idioms of async-nats; each check has a server with a store of its own.
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::consumer::{pull, push, AckPolicy, PullConsumer};
use async_nats::jetstream::stream::{Config, RetentionPolicy, Source, Stream};
use async_nats::jetstream::{self, kv, object_store, AckKind, Context};
use async_nats::HeaderMap;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::{ensure, Failure, Outcome, Server};

async fn session<F, R>(folder: &Path, use_it: F) -> Outcome
where
    F: FnOnce(Context) -> R,
    R: Future<Output = Outcome>,
{
    let server = Server::start(&format!("jetstream {{ store_dir: {folder:?} }}\n"), -1).await?;
    let client = async_nats::connect(server.url()).await?;
    let outcome = use_it(jetstream::new(client)).await;
    server.stop().await?; // kill -9
    outcome
}

fn new_folder(name: &str) -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("petrel-rs-js-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub async fn stored<F, R>(name: &str, check: F) -> Outcome
where
    F: FnOnce(Context) -> R,
    R: Future<Output = Outcome>,
{
    let folder = new_folder(name)?;
    let outcome = session(&folder, check).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn filled(js: &Context, count: usize, retention: RetentionPolicy) -> Result<Stream, Failure> {
    let config = Config { name: "S".into(), subjects: vec!["s.>".into()], retention, ..Default::default() };
    let stream = js.create_stream(config).await?;
    let mut acks = Vec::new();
    for i in 0..count {
        acks.push(js.publish(format!("s.{}", i % 3), i.to_string().into()).await?);
    }
    for ack in acks {
        ack.await?;
    }
    Ok(stream)
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

pub async fn publishing(js: Context) -> Outcome {
    let mut stream = filled(&js, 20, RetentionPolicy::Limits).await?;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "1");
    let first = js.publish_with_headers("s.id", headers.clone(), "x".into()).await?.await?;
    let again = js.publish_with_headers("s.id", headers, "x".into()).await?.await?;
    ensure!(again.duplicate && again.sequence == first.sequence, "a second message under one id: {again:?}");
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Sequence", "3");
    let refused = js.publish_with_headers("s.id", headers, "x".into()).await?.await;
    ensure!(refused.is_err(), "a wrong expectation is accepted");
    ensure!(stream.info().await?.state.messages == 21, "not 21 messages");
    let last = stream.get_last_raw_message_by_subject("s.1").await?;
    ensure!(text(&last.payload) == "19", "another last message: {last:?}");
    ensure!(js.get_stream("NONE").await.is_err(), "an unknown stream is there");
    ensure!(stream.purge().await?.purged == 21, "not everything is purged");
    js.delete_stream("S").await?;
    Ok(())
}

async fn durable(stream: &Stream, config: pull::Config) -> Result<PullConsumer, Failure> {
    let config = pull::Config { durable_name: Some("d".into()), ack_policy: AckPolicy::Explicit, ..config };
    Ok(stream.get_or_create_consumer("d", config).await?)
}

async fn take(consumer: &PullConsumer, from: usize, to: usize) -> Outcome {
    let mut next = from;
    while next < to {
        let mut batch = consumer.fetch().max_messages(to - next).messages().await?;
        while let Some(message) = batch.next().await {
            let message = message?;
            ensure!(text(&message.payload) == next.to_string(), "{:?} instead of {next}", message.payload);
            message.double_ack().await?;
            next += 1;
        }
    }
    Ok(())
}

pub async fn pulling(js: Context) -> Outcome {
    let mut stream = filled(&js, 60, RetentionPolicy::WorkQueue).await?;
    let consumer = durable(&stream, Default::default()).await?;
    take(&consumer, 0, 20).await?;
    let mut messages = consumer.messages().await?;
    for next in 20..60 {
        let message = messages.next().await.ok_or("the messages end")??;
        ensure!(text(&message.payload) == next.to_string(), "{:?} instead of {next}", message.payload);
        message.double_ack().await?;
    }
    ensure!(stream.info().await?.state.messages == 0, "the work queue is not empty");
    Ok(())
}

pub async fn redelivery(js: Context) -> Outcome {
    let stream = filled(&js, 2, RetentionPolicy::Limits).await?;
    let consumer = durable(&stream, pull::Config { max_deliver: 2, ..Default::default() }).await?;
    let mut messages = consumer.messages().await?;
    let first = messages.next().await.ok_or("nothing")??;
    first.ack_with(AckKind::Progress).await?;
    first.ack_with(AckKind::Nak(Some(Duration::from_millis(20)))).await?;
    messages.next().await.ok_or("nothing")??.ack_with(AckKind::Term).await?;
    let again = messages.next().await.ok_or("nothing")??;
    ensure!(text(&again.payload) == "0" && again.info()?.delivered == 2, "not redelivered: {again:?}");
    again.ack_with(AckKind::Nak(None)).await?;
    let more = tokio::time::timeout(Duration::from_millis(300), messages.next()).await;
    ensure!(more.is_err(), "delivered too often");
    Ok(())
}

pub async fn ordered(js: Context) -> Outcome {
    let stream = filled(&js, 300, RetentionPolicy::Limits).await?;
    let pulled = stream.create_consumer(pull::OrderedConfig::default()).await?;
    let mut messages = pulled.messages().await?;
    for next in 0..300 {
        let message = messages.next().await.ok_or("the messages end")??;
        ensure!(text(&message.payload) == next.to_string(), "{:?} instead of {next}", message.payload);
    }
    let config = push::OrderedConfig { deliver_subject: "deliver.here".into(), ..Default::default() };
    let pushed = stream.create_consumer(config).await?;
    let mut messages = pushed.messages().await?;
    for next in 0..300 {
        let message = messages.next().await.ok_or("the messages end")??;
        ensure!(text(&message.payload) == next.to_string(), "{:?} instead of {next}", message.payload);
    }
    Ok(())
}

pub async fn mirrors_and_sources(js: Context) -> Outcome {
    filled(&js, 30, RetentionPolicy::Limits).await?;
    let origin = Source { name: "S".into(), ..Default::default() };
    let filtered = Source { filter_subject: Some("s.1".into()), ..origin.clone() };
    let mirror = Config { name: "M".into(), mirror: Some(origin), allow_direct: true, ..Default::default() };
    let sources = Config { name: "A".into(), sources: Some(vec![filtered]), allow_direct: true, ..Default::default() };
    for (config, count) in [(mirror, 30), (sources, 10)] {
        let mut stream = js.create_stream(config).await?;
        while stream.info().await?.state.messages != count {
            sleep(Duration::from_millis(10)).await;
        }
        let last = stream.direct_get_last_for_subject("s.1").await?;
        ensure!(text(&last.payload) == "28", "another last message: {last:?}");
    }
    Ok(())
}

pub async fn key_value(js: Context) -> Outcome {
    let store =
        js.create_key_value(kv::Config { bucket: "conf".into(), history: 5, ..Default::default() }).await?;
    let mut watch = store.watch_all().await?;
    let revision = store.create("a", "1".into()).await?;
    store.update("a", "2".into(), revision).await?;
    ensure!(store.update("a", "3".into(), revision).await.is_err(), "updated an old revision");
    ensure!(store.create("a", "4".into()).await.is_err(), "created twice");
    ensure!(store.get("a").await?.as_deref() == Some(b"2"), "another value");
    let history: Vec<kv::Entry> = store.history("a").await?.try_collect().await?;
    ensure!(history.len() == 2, "another history: {history:?}");
    store.delete("a").await?;
    ensure!(store.get("a").await?.is_none(), "a deleted key is there");
    store.purge("a").await?;
    for wanted in [kv::Operation::Put, kv::Operation::Put, kv::Operation::Delete, kv::Operation::Purge] {
        let entry = watch.next().await.ok_or("nothing watched")??;
        ensure!(entry.operation == wanted, "{entry:?} instead of {wanted:?}");
    }
    let keys: Vec<String> = store.keys().await?.try_collect().await?;
    ensure!(keys.is_empty(), "keys are left: {keys:?}");
    js.delete_key_value("conf").await?;
    Ok(())
}

pub async fn objects(js: Context) -> Outcome {
    let config = object_store::Config { bucket: "files".into(), ..Default::default() };
    let mut store = js.create_object_store(config).await?;
    let content: Vec<u8> = (0..400_000_u32).map(|i| i as u8).collect();
    store.put("blob", &mut content.as_slice()).await?;
    store.add_link("link", &store.get("blob").await?).await?;
    let mut got = Vec::new();
    store.get("link").await?.read_to_end(&mut got).await?;
    ensure!(got == content, "another object came back");
    let all: Vec<object_store::ObjectInfo> = store.list().await?.try_collect().await?;
    ensure!(all.len() == 2, "another list: {all:?}");
    store.delete("link").await?;
    store.seal().await?;
    ensure!(store.put("more", &mut &b"x"[..]).await.is_err(), "a sealed store took an object");
    Ok(())
}

/// What was acknowledged is there after kill -9, and the consumer goes on behind its acks.
pub async fn killed() -> Outcome {
    let folder = new_folder("kill")?;
    session(&folder, |js| async move {
        let stream = filled(&js, 100, RetentionPolicy::Limits).await?;
        take(&durable(&stream, Default::default()).await?, 0, 40).await
    })
    .await?;
    session(&folder, |js| async move {
        let stream = js.get_stream("S").await?;
        take(&durable(&stream, Default::default()).await?, 40, 100).await
    })
    .await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
