//! The idioms of async-nats against one server binary: checks <server-binary>.
use std::future::Future;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Event, HeaderMap, RequestErrorKind, Subscriber};
use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

mod jetstream;

const WAIT: Duration = Duration::from_secs(10);
const BCRYPT: &str = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Failure>;

macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+).into());
        }
    };
}
use ensure;

/// One process of the binary under test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    async fn start(config: &str, port: i32) -> Result<Server, Failure> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let path = std::env::temp_dir().join(format!(
            "petrel-rs-{}-{}.conf",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::write(&path, config)?;
        let mut command = Command::new(std::env::args().nth(1).ok_or("no server binary")?);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        if !config.is_empty() {
            command.arg("-c").arg(&path);
        }
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        let mut server = Server { child, port: 0 };
        timeout(WAIT, async {
            while let Some(line) = lines.next_line().await? {
                if line.contains("Listening for client connections on ") {
                    server.port = line.rsplit(':').next().unwrap_or("").parse()?;
                }
                if line.ends_with("Server is ready") {
                    return Ok(());
                }
            }
            Err::<(), Failure>("the server does not start".into())
        })
        .await??;
        std::fs::remove_file(&path)?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(server)
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn stop(mut self) -> Outcome {
        self.child.kill().await?;
        Ok(())
    }
}

/// What the event callback of a connection saw.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    fn options(&self, options: ConnectOptions) -> ConnectOptions {
        let seen = self.0.clone();
        options.event_callback(move |event| {
            let seen = seen.clone();
            async move { seen.lock().unwrap().push(event) }
        })
    }

    async fn wait(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Outcome {
        let outcome = eventually(what, || self.0.lock().unwrap().iter().any(&wanted)).await;
        outcome.map_err(|failure| format!("{failure} in {:?}", self.0.lock().unwrap()).into())
    }
}

async fn eventually(what: &str, condition: impl Fn() -> bool) -> Outcome {
    let begin = Instant::now();
    while !condition() {
        ensure!(begin.elapsed() < WAIT, "no {what}");
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn with<F, R>(config: &str, options: ConnectOptions, check: F) -> Outcome
where
    F: FnOnce(Client, Arc<Server>) -> R,
    R: Future<Output = Outcome>,
{
    let server = Arc::new(Server::start(config, -1).await?);
    let client = options.connect(server.url()).await?;
    check(client, server).await
}

async fn next(subscriber: &mut Subscriber) -> Result<async_nats::Message, Failure> {
    Ok(timeout(WAIT, subscriber.next()).await?.ok_or("the subscription has ended")?)
}

async fn connect_options(client: Client, server: Arc<Server>) -> Outcome {
    let info = client.server_info();
    ensure!(info.max_payload == 1 << 20, "max_payload {}", info.max_payload);
    ensure!(info.headers && info.server_id.len() == 56, "{info:?}");
    ensure!(info.port == server.port && info.client_id > 0, "{info:?}");
    ensure!(client.is_server_compatible(2, 10, 0), "version {}", info.version);
    Ok(())
}

async fn no_echo(client: Client, _: Arc<Server>) -> Outcome {
    let mut subscriber = client.subscribe("foo").await?;
    client.publish("foo", "x".into()).await?;
    client.flush().await?;
    ensure!(timeout(Duration::from_millis(100), subscriber.next()).await.is_err(), "got an own message");
    Ok(())
}

async fn publish_subscribe(client: Client, _: Arc<Server>) -> Outcome {
    let mut subscribers = Vec::new();
    for subject in ["a.b", "a.*", "a.>"] {
        subscribers.push(client.subscribe(subject).await?);
    }
    for number in 0..500 {
        client.publish("a.b", number.to_string().into()).await?;
    }
    for subscriber in &mut subscribers {
        for number in 0..500 {
            let message = next(subscriber).await?;
            ensure!(message.payload == number.to_string(), "{:?} is not {number}", message.payload);
        }
    }
    Ok(())
}

async fn headers(client: Client, _: Arc<Server>) -> Outcome {
    let mut subscriber = client.subscribe("headers").await?;
    let mut head = HeaderMap::new();
    head.append("Key", "one");
    head.append("Key", "two");
    head.insert("Other", "a: b");
    client.publish_with_headers("headers", head.clone(), "body".into()).await?;
    let message = next(&mut subscriber).await?;
    ensure!(message.headers.as_ref() == Some(&head), "{:?}", message.headers);
    ensure!(message.payload == "body", "{:?}", message.payload);
    Ok(())
}

async fn answer(client: &Client) -> Outcome {
    let mut requests = client.subscribe("service").await?;
    client.flush().await?;
    let responder = client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let reply = [b"re: ", request.payload.as_ref()].concat();
            let _ = responder.publish(request.reply.unwrap(), reply.into()).await;
        }
    });
    Ok(())
}

async fn request_reply(client: Client, _: Arc<Server>) -> Outcome {
    answer(&client).await?;
    for number in 0..100 {
        let reply = timeout(WAIT, client.request("service", number.to_string().into())).await??;
        ensure!(reply.payload == format!("re: {number}"), "{:?}", reply.payload);
    }
    Ok(())
}

async fn request_reply_old_style(client: Client, _: Arc<Server>) -> Outcome {
    answer(&client).await?;
    for number in 0..20 {
        let request = async_nats::Request::new().payload(number.to_string().into()).inbox(client.new_inbox());
        let reply = timeout(WAIT, client.send_request("service", request)).await??;
        ensure!(reply.payload == format!("re: {number}"), "{:?}", reply.payload);
    }
    Ok(())
}

async fn no_responders(client: Client, _: Arc<Server>) -> Outcome {
    let begin = Instant::now();
    let error = client.request("nobody", "".into()).await.err().ok_or("somebody answered")?;
    ensure!(error.kind() == RequestErrorKind::NoResponders, "{error}");
    ensure!(begin.elapsed() < WAIT / 2, "waited for nobody");
    Ok(())
}

async fn queue_groups(client: Client, server: Arc<Server>) -> Outcome {
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let mut others = Vec::new();
    for member in 0..3 {
        let other = async_nats::connect(server.url()).await?;
        let mut work = other.queue_subscribe("work", "workers".into()).await?;
        other.flush().await?;
        // A round trip: after it the subscription is known to the server.
        ensure!(other.request("nobody", "".into()).await.is_err(), "somebody answered");
        let counts = counts.clone();
        tokio::spawn(async move {
            while work.next().await.is_some() {
                counts[member].fetch_add(1, Ordering::SeqCst);
            }
        });
        others.push(other);
    }
    for _ in 0..300 {
        client.publish("work", "".into()).await?;
    }
    client.flush().await?;
    let total = || counts.iter().map(|count| count.load(Ordering::SeqCst)).sum::<usize>();
    eventually("300 messages", || total() >= 300).await?;
    ensure!(total() == 300, "{}", total());
    ensure!(counts.iter().all(|count| count.load(Ordering::SeqCst) > 0), "{counts:?}");
    Ok(())
}

async fn drain(client: Client, _: Arc<Server>) -> Outcome {
    let mut subscriber = client.subscribe("drain").await?;
    for _ in 0..500 {
        client.publish("drain", "".into()).await?;
    }
    client.flush().await?;
    ensure!(client.request("nobody", "".into()).await.is_err(), "somebody answered");
    client.drain().await?;
    let mut count = 0;
    while timeout(WAIT, subscriber.next()).await?.is_some() {
        count += 1;
    }
    ensure!(count == 500, "{count} of 500");
    Ok(())
}

async fn flush(client: Client, _: Arc<Server>) -> Outcome {
    timeout(WAIT, client.flush()).await??;
    Ok(())
}

async fn auto_unsubscribe(client: Client, _: Arc<Server>) -> Outcome {
    let mut subscriber = client.subscribe("auto").await?;
    subscriber.unsubscribe_after(2).await?;
    for _ in 0..5 {
        client.publish("auto", "".into()).await?;
    }
    let mut count = 0;
    while timeout(WAIT, subscriber.next()).await?.is_some() {
        count += 1;
    }
    ensure!(count == 2, "{count} of 2");
    Ok(())
}

async fn reconnect_after_restart() -> Outcome {
    let events = Events::default();
    let server = Server::start("", -1).await?;
    let port = i32::from(server.port);
    let options = ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(20));
    let client = events.options(options).connect(server.url()).await?;
    let mut subscriber = client.subscribe("foo").await?;
    client.flush().await?;
    server.stop().await?;
    events.wait("disconnect", |event| matches!(event, Event::Disconnected)).await?;
    events.0.lock().unwrap().clear();
    let _server = Server::start("", port).await?;
    events.wait("reconnect", |event| matches!(event, Event::Connected)).await?;
    client.publish("foo", "after".into()).await?;
    let message = next(&mut subscriber).await?;
    ensure!(message.payload == "after", "{:?}", message.payload);
    Ok(())
}

async fn max_payload_error(client: Client, _: Arc<Server>) -> Outcome {
    ensure!(client.server_info().max_payload == 1000, "max_payload {}", client.server_info().max_payload);
    ensure!(client.publish("foo", vec![0; 1001].into()).await.is_err(), "too much was accepted");
    client.publish("foo", vec![0; 1000].into()).await?;
    client.flush().await?;
    Ok(())
}

async fn permission_errors() -> Outcome {
    let events = Events::default();
    let config = r#"authorization { users: [ { user: a, password: b, permissions: {
        publish: "ok.>", subscribe: { allow: ["ok.>", "_INBOX.>"], deny: "ok.secret" } } } ] }"#;
    let options = events.options(ConnectOptions::with_user_and_password("a".into(), "b".into()));
    with(config, options, |client, server| async move {
        client.publish("forbidden", "".into()).await?;
        client.flush().await?;
        let says = |event: &Event, text: &str| event.to_string().to_lowercase().contains(text);
        events.wait("publish violation", |event| says(event, "publish to \"forbidden\"")).await?;
        let _denied = client.subscribe("ok.secret").await?;
        events.wait("subscription violation", |event| says(event, "subscription to \"ok.secret\"")).await?;
        let mut allowed = client.subscribe("ok.>").await?;
        client.publish("ok.x", "".into()).await?;
        next(&mut allowed).await?;
        drop(server);
        Ok(())
    })
    .await
}

async fn lame_duck_notice() -> Outcome {
    let events = Events::default();
    with("", events.options(ConnectOptions::new()), |client, server| async move {
        let pid = server.child.id().ok_or("the server has ended")?;
        Command::new("kill").args(["-USR2", &pid.to_string()]).status().await?;
        events.wait("notice", |event| matches!(event, Event::LameDuckMode)).await?;
        ensure!(client.connection_state() == async_nats::connection::State::Connected, "disconnected");
        Ok(())
    })
    .await
}

async fn refused(config: String, good: ConnectOptions, bad: Vec<ConnectOptions>) -> Outcome {
    with(&config, good, |client, server| async move {
        client.flush().await?;
        for options in bad {
            let error = options.connect(server.url()).await.err().ok_or("a wrong one was accepted")?;
            ensure!(error.kind() == async_nats::ConnectErrorKind::AuthorizationViolation, "{error}");
        }
        Ok(())
    })
    .await
}

fn user(name: &str, password: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(name.into(), password.into())
}

struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    async fn check(&mut self, name: &str, check: impl Future<Output = Outcome>) {
        let outcome = timeout(3 * WAIT, check).await.unwrap_or_else(|_| Err("took too long".into()));
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("ok   {name}");
            }
            Err(failure) => {
                self.failed += 1;
                println!("FAIL {name}: {failure}");
            }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut report = Report { passed: 0, failed: 0 };
    let new = ConnectOptions::new;
    let named = new().name("petrel").ping_interval(Duration::from_secs(60));
    let hashed = format!("authorization {{ user: a, password: \"{BCRYPT}\" }}");
    let token = |text: &str| ConnectOptions::with_token(text.into());
    report.check("connect_options", with("", named, connect_options)).await;
    report.check("no_echo", with("", new().no_echo(), no_echo)).await;
    report.check("publish_subscribe", with("", new(), publish_subscribe)).await;
    report.check("headers", with("", new(), headers)).await;
    report.check("request_reply", with("", new(), request_reply)).await;
    report.check("request_reply_old_style", with("", new(), request_reply_old_style)).await;
    report.check("no_responders", with("", new(), no_responders)).await;
    report.check("queue_groups", with("", new(), queue_groups)).await;
    report.check("drain", with("", new(), drain)).await;
    report.check("flush", with("", new(), flush)).await;
    report.check("auto_unsubscribe", with("", new(), auto_unsubscribe)).await;
    report.check("reconnect_after_restart", reconnect_after_restart()).await;
    report.check("max_payload_error", with("max_payload: 1000", new(), max_payload_error)).await;
    report.check("permission_errors", permission_errors()).await;
    report.check("lame_duck_notice", lame_duck_notice()).await;
    let config = "authorization { token: secret }".to_string();
    report.check("token", refused(config, token("secret"), vec![token("wrong"), new()])).await;
    let config = "authorization { user: a, password: b }".to_string();
    let bad = vec![user("a", "c"), user("x", "b")];
    report.check("user_and_password", refused(config, user("a", "b"), bad)).await;
    report.check("bcrypt_password", refused(hashed, user("a", "secret"), vec![user("a", "wrong")])).await;
    macro_rules! stored {
        ($($check:ident),+) => {
            $(report.check(concat!("jetstream_", stringify!($check)),
                jetstream::stored(stringify!($check), jetstream::$check)).await;)+
        };
    }
    stored!(publishing, pulling, redelivery, ordered, mirrors_and_sources, key_value, objects);
    report.check("jetstream_kill", jetstream::killed()).await;
    println!("{} passed, {} failed, 0 skipped", report.passed, report.failed);
    ExitCode::from(u8::from(report.failed > 0))
}
