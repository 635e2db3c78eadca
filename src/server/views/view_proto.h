// Jobs and sites as people see them, to and from their messages in control.proto.
//
// Pure; thread-safe. Plain values inside, generated classes only at this edge.
#ifndef CONSILIUM_SERVER_VIEWS_VIEW_PROTO_H_
#define CONSILIUM_SERVER_VIEWS_VIEW_PROTO_H_

#include "consilium/v1/control.pb.h"
#include "server/jobs/job_view.h"
#include "server/registry/federation.h"
#include "server/round/coordinator.h"

namespace consilium::server::views {

// Digests that are zero ("none yet") travel as empty bytes.
void ToProto(const jobs::JobView& view, v1::JobView& out);
void ToProto(const jobs::StepView& view, v1::StepView& out);
void ToProto(const registry::SiteStatus& site, v1::SiteView& out);
void ToProto(const round::ReplayedStep& step, v1::ReplayedStep& out);

}  // namespace consilium::server::views

#endif  // CONSILIUM_SERVER_VIEWS_VIEW_PROTO_H_
