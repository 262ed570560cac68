// What monitoring shows of an account: its description and what happened in it.
// Thread: any.
#pragma once

#include "petrel/conf/options.h"
#include "petrel/monitor/accounts.h"
#include "petrel/router/account_registry.h"

namespace petrel::server {

// `description` null: nothing is said of the account.
monitor::AccountView account_view(const router::AccountInterest& interest,
                                  const auth::AccountPtr& description,
                                  const conf::Options& options);

}  // namespace petrel::server
