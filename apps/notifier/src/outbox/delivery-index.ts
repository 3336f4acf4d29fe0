import { insertId, removeId } from '@orbitmesh/storage';
import { DELIVERY_STATES, type Delivery, type DeliveryState } from '@orbitmesh/contracts';

type Lists = Record<DeliveryState, string[]>;
const NONE: readonly string[] = [];

/** Ids of deliveries by webhook and state, each list sorted: there may be tens of thousands, and every notification asks. */
export class DeliveryIndex {
  private readonly byWebhook = new Map<string, Lists>();
  private readonly places = new Map<string, { webhookId: string; state: DeliveryState }>();

  /** What the delivery is now; undefined: it is no more. */
  set(id: string, delivery: Pick<Delivery, 'webhookId' | 'state'> | undefined): void {
    const place = this.places.get(id);
    if (place && place.webhookId === delivery?.webhookId && place.state === delivery.state) return;
    if (place) this.remove(id, place);
    if (delivery) this.add(id, { webhookId: delivery.webhookId, state: delivery.state });
  }

  /** Oldest first. */
  of(webhookId: string, state: DeliveryState): readonly string[] {
    return this.byWebhook.get(webhookId)?.[state] ?? NONE;
  }

  allOf(webhookId: string): string[] {
    return DELIVERY_STATES.flatMap((state) => this.of(webhookId, state));
  }

  /** Webhooks with something to deliver. */
  waiting(): string[] {
    return [...this.byWebhook].filter(([, lists]) => lists.pending.length > 0).map(([webhookId]) => webhookId);
  }

  totals(): Record<DeliveryState, number> {
    const totals = { pending: 0, delivered: 0, parked: 0 };
    for (const lists of this.byWebhook.values()) for (const state of DELIVERY_STATES) totals[state] += lists[state].length;
    return totals;
  }

  private add(id: string, place: { webhookId: string; state: DeliveryState }): void {
    const lists = this.byWebhook.get(place.webhookId) ?? { pending: [], delivered: [], parked: [] };
    this.byWebhook.set(place.webhookId, lists);
    insertId(lists[place.state], id);
    this.places.set(id, place);
  }

  private remove(id: string, { webhookId, state }: { webhookId: string; state: DeliveryState }): void {
    const lists = this.byWebhook.get(webhookId)!;
    removeId(lists[state], id);
    this.places.delete(id);
    if (DELIVERY_STATES.every((one) => lists[one].length === 0)) this.byWebhook.delete(webhookId);
  }
}
