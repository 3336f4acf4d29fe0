import { ServiceConfig } from '@orbitmesh/service-kit';

/** The notifier has no settings of its own yet. */
export class NotifierConfig extends ServiceConfig {}
