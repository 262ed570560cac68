// Tells the service manager (systemd, Type=notify) how far the server is, over NOTIFY_SOCKET.
// Thread: control. Without a service manager nothing happens.
#pragma once

namespace petrel::server {

enum class ServiceState { kReady, kReloading, kStopping };

void notify_service(ServiceState state);

}  // namespace petrel::server
