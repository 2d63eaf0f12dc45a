#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

namespace maru::serving {

enum class EndpointState { starting, ready, failed };
BOOST_DESCRIBE_ENUM(EndpointState, starting, ready, failed)

/// A model version that an endpoint runs. `weight`: its share of the requests, in percent; 0 while
/// it starts to take the place of another.
struct EndpointVariant {
    std::string model;
    std::int64_t version = 0;
    std::int64_t weight = 0;
    std::int64_t replicas = 1;
    std::int64_t replicas_ready = 0;
    std::vector<std::string> workload_ids;
};
BOOST_DESCRIBE_STRUCT(EndpointVariant, (),
                      (model, version, weight, replicas, replicas_ready, workload_ids))

struct LatencyMs {
    double p50 = 0, p90 = 0, p99 = 0;
};
BOOST_DESCRIBE_STRUCT(LatencyMs, (), (p50, p90, p99))

/// A name under which a model answers requests. Requests, errors (answers of 500 and more) and
/// latencies are counted since the server started.
struct Endpoint {
    std::string id, name, project;
    EndpointState state = EndpointState::starting;
    std::string reason;
    std::string url;
    std::vector<EndpointVariant> variants;
    Json input_example;
    Json signature;
    std::int64_t requests_total = 0;
    std::int64_t errors_total = 0;
    LatencyMs latency_ms;
    Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Endpoint, (),
                      (id, name, project, state, reason, url, variants, input_example, signature,
                       requests_total, errors_total, latency_ms, created_at))

}  // namespace maru::serving
