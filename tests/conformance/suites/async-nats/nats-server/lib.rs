//! Takes the place of the crate by which the tests of async-nats start the nats-server in PATH.
//! A test that asks for a cluster ends with the server's refusal.
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static STARTED: AtomicU32 = AtomicU32::new(0);

pub struct Server {
    child: Child,
    folder: PathBuf,
    config: String,
    port: String,
}

/// A port below the range that the system gives to connections, so that it is still free at a restart.
fn free_port() -> String {
    loop {
        let n = STARTED.fetch_add(1, Ordering::Relaxed) * 37 + std::process::id() * 101;
        let port = 20000 + n % 12000;
        if TcpListener::bind(("127.0.0.1", port as u16)).is_ok() {
            return port.to_string();
        }
    }
}

/// The port that the configuration names, if it does.
fn configured_port(config: &str) -> Option<String> {
    let text = fs::read_to_string(config).ok()?;
    let line = text.lines().find(|l| l.starts_with("listen") || l.starts_with("port"))?;
    let digits = line.rsplit(':').next()?.trim();
    digits.parse::<u16>().ok().map(|p| p.to_string())
}

impl Server {
    fn start(folder: PathBuf, config: &str, port: &str) -> Server {
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("--store_dir").arg(folder.join("store")).args(["-p", port]);
        if !config.is_empty() {
            command.args(["-c", config]);
        }
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut server = Server { child, folder, config: config.into(), port: port.into() };
        server.wait_ready();
        server
    }

    fn wait_ready(&mut self) {
        let until = Instant::now() + Duration::from_secs(20);
        let address = format!("127.0.0.1:{}", self.port);
        while TcpStream::connect(&address).is_err() {
            let ended = self.child.try_wait().unwrap().is_some();
            if ended || Instant::now() > until {
                panic!("no server: {}", fs::read_to_string(self.folder.join("log")).unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let folder = std::mem::take(&mut self.folder);
        let (config, port) = (self.config.clone(), self.port.clone());
        *self = Server::start(folder, &config, &port);
    }

    pub fn client_url(&self) -> String {
        format!("nats://localhost:{}", self.port)
    }

    pub fn client_port(&self) -> u16 {
        self.port.parse().unwrap()
    }

    pub fn client_pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

pub fn run_server(config: &str) -> Server {
    run_server_with_port(config, None)
}

pub fn run_basic_server() -> Server {
    run_server_with_port("", None)
}

pub fn run_server_with_port(config: &str, port: Option<&str>) -> Server {
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("suite-async-nats-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let port = port.map(String::from).or_else(|| configured_port(config)).unwrap_or_else(free_port);
    Server::start(folder, config, &port)
}

pub fn set_lame_duck_mode(server: &Server) {
    let pid = server.client_pid().to_string();
    assert!(Command::new("kill").args(["-USR2", &pid]).status().unwrap().success());
}

/// Three servers; the first one answers for them.
pub struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    pub fn client_url(&self) -> String {
        self.servers[0].client_url()
    }
}

pub fn run_cluster(config: &str) -> Cluster {
    let routes: Vec<String> = (0..3).map(|_| free_port()).collect();
    let list: Vec<String> = routes.iter().map(|r| format!("\"nats://127.0.0.1:{r}\"")).collect();
    let base = fs::read_to_string(config).unwrap();
    let servers = routes.iter().enumerate().map(|(i, route)| {
        let path = std::env::temp_dir().join(format!("suite-async-nats-{}-{route}.conf", std::process::id()));
        let cluster = format!("cluster {{ name: c, listen: \"127.0.0.1:{route}\", routes: [{}] }}", list.join(", "));
        fs::write(&path, format!("{base}\nserver_name: n{i}\n{cluster}\n")).unwrap();
        run_server(path.to_str().unwrap())
    });
    Cluster { servers: servers.collect() }
}
