#include "server/rpc/update_intake.h"

#include <set>
#include <span>
#include <utility>

#include "common/base/log.h"

namespace consilium::server::rpc {
namespace {

wire::UpdateReply ReplyTo(const wire::StreamedUpdate& update, const wire::Receipt* receipt) {
  wire::UpdateReply reply{update.job, update.step, update.digest, receipt != nullptr, "", {}};
  if (receipt == nullptr) return reply;
  reply.key_id = receipt->key_id;
  reply.signature = receipt->signature;
  return reply;
}

}  // namespace

void UpdateIntake::Take(Item item) {
  const uint64_t bytes = item.update.file.size();
  if (bytes == 0 || !shared_.budget.TryTake(bytes)) {
    return item.answer(ReplyTo(item.update, nullptr));
  }
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(item));
    if (std::exchange(working_, true)) return;
  }
  if (shared_.pool.TryRun([this] { Work(); })) return;
  std::vector<Item> refused;
  {
    MutexLock lock(mutex_);
    working_ = false;
    refused.swap(waiting_);
  }
  for (const Item& one : refused) {
    shared_.budget.GiveBack(one.update.file.size());
    one.answer(ReplyTo(one.update, nullptr));
  }
}

void UpdateIntake::Work() {
  for (;;) {
    std::vector<Item> group;
    {
      MutexLock lock(mutex_);
      group.swap(waiting_);
      working_ = !group.empty();
    }
    if (group.empty()) return;
    Accept(group);
  }
}

void UpdateIntake::Accept(std::vector<Item>& group) {
  std::vector<store::WholeUpdate> updates;
  std::vector<const Item*> items;
  std::set<wire::TaskKey> keys;
  for (const Item& item : group) {
    const wire::StreamedUpdate& update = item.update;
    const wire::TaskKey key{update.job, update.step, item.site};
    // A fenced stream hears no answer, and of two of one site one is fenced.
    if (!shared_.coordinator.federation().CheckEpoch(item.site, item.epoch).ok() ||
        !keys.insert(key).second) {
      item.answer(ReplyTo(update, nullptr));
      continue;
    }
    updates.push_back({key, update.digest, update.file});
    items.push_back(&item);
  }
  const auto results = shared_.coordinator.updates().AcceptWhole(updates);
  for (size_t i = 0; i < results.size(); ++i) {
    const wire::StreamedUpdate& update = items[i]->update;
    // The receipt is on its way before the outcome can be.
    items[i]->answer(ReplyTo(update, results[i].ok() ? &*results[i] : nullptr));
    if (!results[i].ok()) continue;
    shared_.bytes_received.Add(update.file.size());
    shared_.coordinator.OnUpdateAccepted(updates[i].key);
    Log(Level::kInfo, "update accepted",
        {{"job", update.job.value()},
         {"step", update.step.value()},
         {"site", items[i]->site.value()},
         {"bytes", update.file.size()}});
  }
  for (const Item& item : group) shared_.budget.GiveBack(item.update.file.size());
}

}  // namespace consilium::server::rpc
