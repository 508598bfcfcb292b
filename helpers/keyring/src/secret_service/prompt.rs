//! Prompts the person at the screen, with a timeout.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::select;
use zbus::message::Type;
use zbus::{MatchRule, Message, MessageStream, ObjectPath, OwnedVariant};

use super::bus::Bus;
use super::failure::{Failure, NotUnlocked};
use super::wire::{BUS, PROMPT_INTERFACE, PROMPT_PATIENCE};

/// Shows a prompt and waits for its result, which the method that returned the prompt defines.
///
/// Fails with [`Failure::Locked`] if nobody agreed, for any reason.
pub(super) async fn show(bus: &Bus, prompt: &ObjectPath<'_>) -> Result<OwnedVariant, Failure> {
    // Subscribes before showing it, so as not to miss a quick answer.
    let completed = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(bus.service())
        .interface(PROMPT_INTERFACE)
        .member("Completed")
        .path(prompt);
    let owner_changed = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("NameOwnerChanged")
        .add_arg(bus.service());
    let completed = subscribe(bus, completed).await?;
    let owner_changed = subscribe(bus, owner_changed).await?;
    let mut signals = select(completed, owner_changed);

    let window = "";
    let shown: Result<(), Failure> = bus.call(prompt, PROMPT_INTERFACE, "Prompt", &(window,)).await;
    let outcome = match shown {
        Err(Failure::NoSuchObject | Failure::Gone) => Err(NotUnlocked::Vanished),
        Err(Failure::Stalled) => return Err(Failure::Stalled),
        Err(_) => Err(NotUnlocked::NoPrompter),
        Ok(()) => {
            bus.set_deadline(Instant::now() + PROMPT_PATIENCE);
            match bus.bounded(signals.next()).await {
                Err(_) => Err(NotUnlocked::TimedOut),
                Ok(signal) => result(signal),
            }
        }
    };
    bus.renew_patience();
    if outcome
        .as_ref()
        .is_err_and(|reason| *reason == NotUnlocked::TimedOut)
    {
        // Otherwise it would stay on the screen, and its answer would have no effect.
        let _: Result<(), Failure> = bus.call(prompt, PROMPT_INTERFACE, "Dismiss", &()).await;
    }
    outcome.map_err(Failure::Locked)
}

async fn subscribe(bus: &Bus, rule: zbus::match_rule::Builder<'_>) -> Result<MessageStream, Failure> {
    let rule = rule.build().map_err(|error| Failure::of(&error))?;
    bus.bounded(MessageStream::for_match_rule(rule, bus.connection(), None))
        .await?
        .map_err(|error| Failure::of(&error))
}

/// The first signal: the result of the prompt, or that the service lost its name and so the prompt.
fn result(signal: Option<zbus::Result<Message>>) -> Result<OwnedVariant, NotUnlocked> {
    let Some(Ok(message)) = signal else {
        return Err(NotUnlocked::Vanished);
    };
    let is_completed = message
        .header()
        .member()
        .is_some_and(|member| member.as_str() == "Completed");
    if !is_completed {
        return Err(NotUnlocked::Vanished);
    }
    match message.body().deserialize::<(bool, OwnedVariant)>() {
        Ok((false, result)) => Ok(result),
        Ok((true, _)) => Err(NotUnlocked::Dismissed),
        Err(_) => Err(NotUnlocked::Vanished),
    }
}
