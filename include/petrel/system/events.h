// Events of the system account about clients and accounts.
//
// Thread: pure functions. `server`: ServerDescription::to_json.
// Source: spec monitoring.md section 6.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/monitor/accounts.h"
#include "petrel/session/session_view.h"

#include <string>

namespace petrel::system {

// 22 letters and digits.
std::string event_id(Prng& prng);

struct EventHead {
  std::string id = {};
  WallTime at = {};
  std::string server = {};
};

// $SYS.ACCOUNT.<account>.CONNECT. The view has the user.
std::string connect_event(const EventHead& head, const session::SessionView& client);
// $SYS.ACCOUNT.<account>.DISCONNECT, $SYS.SERVER.<id>.CLIENT.AUTH.ERR and
// $SYS.ACCOUNT.CLIENT.AUTH.ERR.
std::string disconnect_event(const EventHead& head, const session::SessionView& client,
                             Slice reason);
// $SYS.ACCOUNT.<account>.SERVER.CONNS and its older name.
std::string account_connections_event(const EventHead& head, const monitor::AccountView& account);

struct Certificate {
  std::string subject = {};
  std::string issuer = {};
  std::string fingerprint = {};
  std::string der = {};
};
// $SYS.SERVER.<id>.OCSP.PEER.CONN.REJECT: a client was not let in.
std::string ocsp_rejected_event(const EventHead& head, const Certificate& peer, Slice reason);
// $SYS.SERVER.<id>.OCSP.PEER.LINK.INVALID: a certificate of its chain is not good.
std::string ocsp_invalid_event(const EventHead& head, const Certificate& peer,
                               const Certificate& link, Slice reason);

}  // namespace petrel::system
