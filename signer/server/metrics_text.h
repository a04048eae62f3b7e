// SPDX-License-Identifier: Apache-2.0
//
// The counters as Prometheus text (prometheus-cpp).
#pragma once

#include <string>

#include "pipeline/checkpointer.h"
#include "pipeline/hmac_key_table.h"
#include "pipeline/key_table.h"
#include "pipeline/metrics.h"
#include "pipeline/pipeline.h"

namespace signer::server {

[[nodiscard]] std::string metrics_text(const pipeline::Metrics& metrics, const pipeline::KeyTable& keys,
                                       const pipeline::HmacKeyTable& hmac_keys, const pipeline::Tokens& tokens,
                                       const pipeline::Pipeline& pipeline, const pipeline::Checkpointer& checkpointer);

}  // namespace signer::server
